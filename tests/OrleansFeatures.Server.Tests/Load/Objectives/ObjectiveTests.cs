using OrleansFeatures.Server.Load;
using OrleansFeatures.Server.Load.Objectives;
using OrleansFeatures.Server.Load.Report;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Load.Objectives;

public sealed class ObjectiveTests
{
    private static readonly Objective P99 = new("p99", "lookup", 99, 5);
    private static readonly Objective Longest = new("longest", "lookup", 100, 200);
    private static readonly Objective Failed = new("failed", "lookup", null, 1);

    [Fact]
    public void A_percentile_below_its_bound_is_met_and_one_above_is_broken()
    {
        LoadRecord record = Record(good: 995, slow: 5, failed: 0);
        P99.Judge(record)!.IsMet.ShouldBeTrue();
        P99.Judge(record)!.Found.ShouldBe(1, 0.001);
        Longest.Judge(record)!.IsMet.ShouldBeFalse();
        Longest.Judge(record)!.FoundText.ShouldBe("300 ms");
        P99.Judge(Record(good: 980, slow: 20, failed: 0))!.IsMet.ShouldBeFalse();
    }

    [Fact]
    public void Failures_up_to_their_bound_are_met_and_more_are_not()
    {
        Failed.Judge(Record(good: 990, slow: 0, failed: 10)).ShouldBe(new Verdict(Failed, 1, true));
        Failed.Judge(Record(good: 989, slow: 0, failed: 11))!.IsMet.ShouldBeFalse();
    }

    [Fact]
    public void Where_nothing_was_counted_nothing_is_judged()
    {
        P99.Judge(Record(0, 0, 0)).ShouldBeNull();
        Failed.Judge(Record(0, 0, 0)).ShouldBeNull();
    }

    [Fact]
    public void A_bound_judges_the_lanes_of_its_operation_only()
    {
        LaneReport[] lanes =
        [
            new("lookup", Record(good: 100, slow: 0, failed: 0), TimeSpan.FromSeconds(1)),
            new("push", Record(good: 0, slow: 100, failed: 0), TimeSpan.FromSeconds(1)),
        ];
        LoadReport.Judge([P99, Longest, Failed], lanes).Select(verdict => (verdict.Objective.Name, verdict.IsMet))
            .ShouldBe([("p99", true), ("longest", true), ("failed", true)]);
    }

    [Fact]
    public void A_percentile_that_too_few_requests_stand_for_is_not_shown()
    {
        var lane = new LaneReport("lookup", Record(good: 1_000, slow: 0, failed: 0), TimeSpan.FromSeconds(10));
        lane.Percentile(99.9).ShouldNotBeNull();
        lane.Percentile(99.99).ShouldBeNull();
        lane.AnsweredRate.ShouldBe(100);
    }

    private static LoadRecord Record(int good, int slow, int failed)
    {
        var record = new LoadRecord(TimeSpan.FromSeconds(10));
        for (int at = 0; at < good + slow + failed; at++)
        {
            record.AddDue(0);
            LoadOutcome outcome = at < good + slow ? LoadOutcome.Answered : new LoadOutcome("UNAVAILABLE", "gone");
            record.AddEnded(0, at < good ? 1_000_000 : 300_000_000, 500_000, outcome);
        }

        return record;
    }
}
