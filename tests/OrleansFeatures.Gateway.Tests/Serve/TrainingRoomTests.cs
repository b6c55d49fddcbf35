using OrleansFeatures.Gateway.Serve;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Serve;

public sealed class TrainingRoomTests
{
    private const int Features = 12;
    private const int RowsMax = (int)(Limits.TrainingCellsMax / Features);

    private readonly TrainingRoom _room = new();

    [Fact]
    public void One_query_that_is_too_large_for_any_room_is_at_fault_itself()
    {
        using TrainingRoom.Share share = _room.Open();
        Refused(() => share.Grow(RowsMax + 1, Features)).Kind.ShouldBe(RefusalKind.InvalidArgument);
        share.Grow(RowsMax, Features);
    }

    [Fact]
    public void What_others_hold_is_not_there_until_they_are_done()
    {
        using TrainingRoom.Share first = _room.Open();
        first.Grow(RowsMax / 2, Features);
        first.Grow(RowsMax - 10, Features);
        using TrainingRoom.Share second = _room.Open();
        second.Grow(10, Features);
        Refused(() => second.Grow(11, Features)).ShouldSatisfyAllConditions(
            refusal => refusal.Kind.ShouldBe(RefusalKind.Exhausted),
            refusal => refusal.Fix.ShouldContain("wait until those are done"));

        first.Dispose();
        second.Grow(RowsMax, Features);
    }

    [Fact]
    public void A_share_given_back_twice_makes_no_room_twice()
    {
        using TrainingRoom.Share first = _room.Open();
        first.Grow(RowsMax, Features);
        first.Dispose();
        first.Dispose();
        using TrainingRoom.Share second = _room.Open();
        second.Grow(RowsMax, Features);
        using TrainingRoom.Share third = _room.Open();
        Refused(() => third.Grow(1, Features)).Kind.ShouldBe(RefusalKind.Exhausted);
    }

    private static RequestRefusal Refused(Action grow) => Should.Throw<RequestRefusedException>(grow).Refusal;
}
