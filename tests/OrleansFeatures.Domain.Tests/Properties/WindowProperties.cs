using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Properties;

/// <summary>Whatever comes, in whatever order: every value is the naive oracle's, or refused because what it needs has left.</summary>
public sealed class WindowProperties
{
    [Fact]
    public void Any_window_of_any_history_reads_as_the_naive_oracle_does() =>
        Property.Holds(300, ScenarioMaker.Any(lifetime: true), scenario => scenario.Shrink(), scenario => Compare(scenario, 5));

    /// <summary>Nothing left to chance: each pair at least at these instants.</summary>
    [Fact]
    public void Every_aggregate_over_every_window_reads_as_the_naive_oracle_does()
    {
        string[] aggregates = [.. ScenarioMaker.Aggregates()];
        foreach (WindowDefinition window in ScenarioMaker.Windows)
        {
            var random = new Random(window.ToString().Length);
            var shape = new ScenarioShape(FieldType.Int64, 1_000, window.Width.Micros == 0 ? 60_000_000 : window.Width.Micros / 20, IsExtreme: false, Count: 100, CorrectionShare: 10, LateShare: 30);
            FeatureDefinition[] features = [.. aggregates.Select((aggregate, index) => new FeatureDefinition($"f{index}", aggregate, window, Duration.Zero, null, Value.Null))];
            Compare(new Scenario(shape, [new FeatureViewDefinition("v", 1, Scenario.Entity, Scenario.Stream, null, [.. features])], [.. ScenarioMaker.Steps(random, shape)], 1), 2);
        }
    }

    [Fact]
    public void A_view_that_allows_some_lateness_reads_as_if_later_events_had_not_come() =>
        Property.Holds(100, ScenarioMaker.Any(lateness: true, lifetime: true), scenario => scenario.Shrink(), scenario => Compare(scenario, 3));

    [Fact]
    public void Blocks_of_chunks_read_as_the_naive_oracle_does() =>
        Property.Holds(12, ScenarioMaker.Any(countMax: 5_000, lifetime: true, features: 18), scenario => scenario.Shrink(), scenario => Compare(scenario, 2));

    private static void Compare(Scenario scenario, int readings)
    {
        var run = new ScenarioRun(scenario);
        var random = new Random(scenario.ReadSeed);
        int every = Math.Max(1, scenario.Steps.Length / readings);
        for (int step = 0; step < scenario.Steps.Length; step++)
        {
            run.Apply(scenario.Steps[step]);
            if (step % every == every - 1 || step == scenario.Steps.Length - 1)
            {
                foreach ((string key, long asOf, long knownAt) in run.Instants(random, scenario.Steps[..(step + 1)], 3))
                {
                    run.Compare(key, asOf, knownAt);
                    run.Compare(key, asOf, EventTime.Never.Micros);
                }
            }
        }
    }
}
