using OrleansFeatures.Server.Commands;
using OrleansFeatures.Server.Load.Objectives;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Load.Objectives;

public sealed class LoadPlanReaderTests
{
    [Fact]
    public void The_plan_that_comes_with_the_program_holds_the_promise_of_the_design()
    {
        LoadPlan plan = LoadPlanReader.Read(BenchCommand.DefaultPlan);
        plan.Objectives.ShouldContain(new Objective("lookup-p99", "lookup", 99, 5));
        plan.Objectives.ShouldContain(new Objective("lookup-longest", "lookup", 100, 200));
        plan.Objectives.ShouldContain(new Objective("readable", "readable", 99.9, 500));
        plan.Scenarios.Keys.ShouldBe(["lookup", "batch", "observe", "push", "readable", "mixed", "spike", "soak"]);
        foreach (Objective bar in plan.Bars)
        {
            plan.Objectives.Where(objective => objective.Operation == bar.Operation && objective.Percentile >= bar.Percentile)
                .ShouldAllBe(objective => objective.Bound > bar.Bound, $"bar {bar.Name} is tighter than what is promised");
        }

        foreach (string operation in Operations.All)
        {
            plan.Objectives.ShouldContain(objective => objective.Operation == operation && objective.Percentile == null, $"failures of {operation} are bounded");
        }
    }

    [Fact]
    public void A_scenario_keeps_its_mixture_at_another_rate()
    {
        Scenario mixed = LoadPlanReader.Read(BenchCommand.DefaultPlan).Scenarios["mixed"];
        Scenario faster = mixed.AtRate(mixed.Rate * 3);
        faster.Rate.ShouldBe(mixed.Rate * 3, 1e-9);
        faster.Rates.Select(each => each.Rate / 3).ShouldBe(mixed.Rates.Select(each => each.Rate), 1e-9);
    }

    [Theory]
    [InlineData("objectives: [{name: a, operation: lokup, percentile: 99, below_ms: 5}]", "plan:1: there is no operation 'lokup'; did you mean 'lookup'?")]
    [InlineData("objectives: [{name: a, operation: lookup, percentil: 99, below_ms: 5}]", "plan:1: there is no field 'percentil'; did you mean 'percentile'?")]
    [InlineData("objectives: [{name: a, operation: lookup, percentile: 99}]", "expected either percentile and below_ms, or failed_percent_max")]
    [InlineData("objectives: [{name: a, operation: lookup}]", "expected either percentile and below_ms, or failed_percent_max")]
    [InlineData("objectives: [{name: a, operation: lookup, percentile: 99, below_ms: 5, failed_percent_max: 1}]", "expected either percentile and below_ms, or failed_percent_max")]
    [InlineData("objectives: [{name: a, operation: lookup, percentile: 101, below_ms: 5}]", "percentile: 101: expected a number from 0.001 to 100")]
    [InlineData("objectives: [{operation: lookup, percentile: 99, below_ms: 5}]", "plan:1: name is missing")]
    [InlineData("objectives: [lookup]", "plan:1: expected {name: ..., operation: ...")]
    [InlineData("objectives: lookup", "objectives: expected a list")]
    [InlineData("scenarios:\n  - {name: a, seconds: 30}", "plan:2: a scenario has the rate of at least one operation")]
    [InlineData("scenarios:\n  - {name: a, seconds: 30, lookup: 0}", "plan:2: lookup: 0: expected a number from 0.001")]
    [InlineData("scenarios:\n  - {name: a, seconds: 30, lookup: 1}\n  - {name: a, seconds: 30, push: 1}", "plan:3: scenario 'a' stands twice")]
    [InlineData("promises: []", "there is no field 'promises'")]
    [InlineData("- a", "expected one document with objectives and scenarios")]
    [InlineData("a: [", "plan:2: ")]
    public void What_is_not_understood_is_refused_with_its_line(string text, string expected)
    {
        CommandFailure refused = Should.Throw<CommandFailure>(() => LoadPlanReader.Parse("plan", text));
        refused.Message.ShouldContain(expected);
        refused.Code.ShouldBe(ExitCode.Usage);
    }
}
