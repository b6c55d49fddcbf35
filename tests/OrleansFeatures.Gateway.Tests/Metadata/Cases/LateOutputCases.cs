using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Gateway.Metadata;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Metadata.Cases;

/// <summary>What the late output does on every database. Each test has one of its own; opening it again is a restart, or another process beside the first.</summary>
public abstract class LateOutputCases
{
    protected abstract Task<MetadataDatabase> OpenAsync();

    [Fact]
    public async Task The_oldest_make_room_and_the_newest_survive_a_restart()
    {
        using (MetadataDatabase database = await OpenAsync())
        {
            var output = new LateOutput(database);
            output.Add([.. Enumerable.Range(0, Limits.LateRowsMax + 10).Select(Late)]);
            output.Add([Late(-1)]);
            output.Add([]);
        }

        using MetadataDatabase reopened = await OpenAsync();
        var late = new LateOutput(reopened);
        late.Count("s").ShouldBe(Limits.LateRowsMax);
        LateArrival newest = late.List("s", 5)[0];
        (newest.ArrivalMicros, newest.EventTimeMicros, newest.StreamTimeMicros, newest.Json).ShouldBe((-1, 2, 3, "{}"));
        newest.Views.ShouldBe([new MissedView("v@1", 7)]);
        late.List("s", Limits.LateRowsMax).Count.ShouldBe(Limits.QuarantineListMax);
        late.List("t", 5).ShouldBeEmpty();
    }

    private static LateArrival Late(int number) => new("s", number, 2, 3, [new MissedView("v@1", 7)], "{}");
}
