using OrleansFeatures.Gateway.Admission;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Admission;

public sealed class IngestRoomTests
{
    private const int Full = (int)Limits.IngestBytesMax;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pushes_are_read_a_few_at_a_time_and_the_next_one_waits_for_a_turn()
    {
        using var room = new IngestRoom();
        for (int turn = 0; turn < Limits.PushesReadAtOnceMax; turn++)
        {
            room.BeginTurnAsync(isStream: false, Cancel).IsCompletedSuccessfully.ShouldBeTrue();
        }

        Task single = room.BeginTurnAsync(isStream: false, Cancel).AsTask();
        Task stream = room.BeginTurnAsync(isStream: true, Cancel).AsTask();
        (single.IsCompleted, stream.IsCompleted).ShouldBe((false, false));
        room.EndTurn();
        await single;
        stream.IsCompleted.ShouldBeFalse();
        room.EndTurn();
        await stream;
    }

    [Fact]
    public async Task Short_of_bytes_a_single_push_is_refused_and_a_stream_waits()
    {
        using var room = new IngestRoom();
        room.Hold(Full);
        (await Should.ThrowAsync<RequestRefusedException>(async () => await room.BeginTurnAsync(isStream: false, Cancel))).Refusal.Kind.ShouldBe(RefusalKind.Exhausted);
        Task stream = room.BeginTurnAsync(isStream: true, Cancel).AsTask();
        stream.IsCompleted.ShouldBeFalse();
        room.Free(1);
        await stream;
        room.EndTurn();
        room.Bytes.ShouldBe(Full - 1);
    }

    [Fact]
    public async Task Single_pushes_that_wait_are_bounded()
    {
        using var room = new IngestRoom();
        for (int turn = 0; turn < Limits.PushesReadAtOnceMax; turn++)
        {
            await room.BeginTurnAsync(isStream: false, Cancel);
        }

        Task[] waiting = [.. Enumerable.Range(0, Limits.PushesWaitingMax).Select(_ => room.BeginTurnAsync(isStream: false, Cancel).AsTask())];
        await Should.ThrowAsync<RequestRefusedException>(async () => await room.BeginTurnAsync(isStream: false, Cancel));
        foreach (Task push in waiting)
        {
            room.EndTurn();
            await push;
        }
    }

    [Fact]
    public async Task Who_gives_up_waiting_takes_no_turn()
    {
        using var room = new IngestRoom();
        room.Hold(Full);
        using var patience = new CancellationTokenSource();
        Task stream = room.BeginTurnAsync(isStream: true, patience.Token).AsTask();
        await patience.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(stream);
        room.Free(Full);
        for (int turn = 0; turn < Limits.PushesReadAtOnceMax; turn++)
        {
            room.BeginTurnAsync(isStream: true, Cancel).IsCompletedSuccessfully.ShouldBeTrue();
        }
    }
}
