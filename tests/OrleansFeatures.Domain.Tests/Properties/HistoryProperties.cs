using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Tests.Properties;

/// <summary>The engine beside itself, fed otherwise: what a value may not depend on.</summary>
public sealed class HistoryProperties
{
    private static readonly long Today = EventTime.Never.Micros;

    [Fact]
    public void Any_order_that_keeps_each_events_own_history_gives_the_same_values() =>
        Property.Holds(150, ScenarioMaker.Any(), scenario => scenario.Shrink(), scenario => Agree(scenario, Shuffled(scenario), Today));

    [Fact]
    public void Lifetimes_take_events_in_any_order_also_those_that_come_after_their_time_has_left() =>
        Property.Holds(100, ScenarioMaker.Any(corrections: false, lifetime: true), scenario => scenario.Shrink(), scenario => Agree(scenario, Shuffled(scenario), Today));

    [Fact]
    public void An_event_that_comes_again_and_a_correction_that_is_repeated_change_nothing() =>
        Property.Holds(100, ScenarioMaker.Any(), scenario => scenario.Shrink(), scenario => Agree(scenario, Repeated(scenario), Today));

    [Fact]
    public void Corrections_give_what_a_history_gives_in_which_they_came_first() =>
        Property.Holds(200, ScenarioMaker.Any(), scenario => scenario.Shrink(), scenario => Agree(scenario, Corrected(scenario), Today));

    [Fact]
    public void What_happened_later_does_not_show_as_of_an_earlier_instant() =>
        Property.Holds(150, ScenarioMaker.Any(), scenario => scenario.Shrink(), scenario => Truncated(scenario, (random, steps) => ScenarioMaker.Pick(random, steps).Micros, step => step.Micros, asksKnown: false));

    [Fact]
    public void What_arrived_later_does_not_show_in_what_was_known_before() =>
        Property.Holds(150, ScenarioMaker.Any(), scenario => scenario.Shrink(), scenario => Truncated(scenario, (random, steps) => ScenarioMaker.Pick(random, steps).Arrival, step => step.Arrival, asksKnown: true));

    [Fact]
    public void Leaving_changes_no_value_that_is_still_answered() =>
        Property.Holds(100, ScenarioMaker.Any(countMax: 400), scenario => scenario.Shrink(), scenario => Agree(scenario, scenario, Today, forgets: false));

    /// <summary>Reads both everywhere; where one has forgotten what the other still holds, nothing is asked.</summary>
    private static void Agree(Scenario scenario, Scenario other, long knownAt, bool forgets = true)
    {
        if (scenario.Steps.Length == 0)
        {
            return;
        }

        ScenarioRun left = After(scenario, null, true);
        ScenarioRun right = After(other, left.Catalog, forgets);
        foreach ((string key, long asOf, _) in left.Instants(new Random(scenario.ReadSeed), scenario.Steps, 8))
        {
            ShouldAgree(left, key, asOf, knownAt, right, knownAt);
        }
    }

    private static void Truncated(Scenario scenario, Func<Random, Step[], long> cut, Func<Step, long> of, bool asksKnown)
    {
        var random = new Random(scenario.ReadSeed);
        long last = cut(random, scenario.Steps);

        // A correction that moved an event shows what it moved it to: as-of is about what the events now say. Histories without corrections can be cut by event time.
        Scenario whole = asksKnown ? scenario : scenario with { Steps = [.. scenario.Steps.Where(step => step.Operation == EventOperation.Insert).DistinctBy(step => step.EventId)] };
        ScenarioRun left = After(whole, null, forgets: false);
        ScenarioRun right = After(whole with { Steps = [.. whole.Steps.Where(step => of(step) <= last)] }, left.Catalog, forgets: false);
        foreach (string key in Scenario.Keys)
        {
            foreach (long asOf in asksKnown ? left.Instants(random, scenario.Steps, 4).Select(instant => instant.AsOf) : [last])
            {
                ShouldAgree(left, key, asOf, asksKnown ? last : Today, right, Today);
            }
        }
    }

    private static void ShouldAgree(ScenarioRun left, string key, long asOf, long leftKnownAt, ScenarioRun right, long rightKnownAt)
    {
        FeatureValue[] values = left.Read(key, asOf, leftKnownAt);
        FeatureValue[] others = right.Read(key, asOf, rightKnownAt);
        for (int index = 0; index < values.Length; index++)
        {
            if (values[index].Status != FeatureStatus.OutsideRetention && others[index].Status != FeatureStatus.OutsideRetention)
            {
                Results.ShouldAgree(left.All.Features[index], values[index], others[index], $"{key} at {asOf}");
            }
        }
    }

    private static ScenarioRun After(Scenario scenario, Catalog? catalog, bool forgets)
    {
        var run = new ScenarioRun(scenario, forgets, catalog);
        foreach (Step step in scenario.Steps)
        {
            run.Apply(step);
        }

        return run;
    }

    /// <summary>Any order of all steps in which the steps of one id keep theirs.</summary>
    private static Scenario Shuffled(Scenario scenario)
    {
        var random = new Random(scenario.ReadSeed);
        int[] order = [.. Enumerable.Range(0, scenario.Steps.Length)];
        random.Shuffle(order);
        var queues = scenario.Steps.GroupBy(step => step.EventId).ToDictionary(group => group.Key, group => new Queue<Step>(group));
        return scenario with { Steps = [.. order.Select(index => queues[scenario.Steps[index].EventId].Dequeue())] };
    }

    private static Scenario Repeated(Scenario scenario)
    {
        var random = new Random(scenario.ReadSeed);
        IEnumerable<Step> Copies(int at) => random.Next(2) == 0 ? [scenario.Steps[at]]
            : random.Next(2) == 0 ? [scenario.Steps[at], scenario.Steps[at]]
            : [scenario.Steps[at], scenario.Steps[random.Next(at + 1)] with { Operation = EventOperation.Insert }];
        return scenario with { Steps = [.. Enumerable.Range(0, scenario.Steps.Length).SelectMany(Copies)] };
    }

    /// <summary>Only what stands in the end, in some other order.</summary>
    private static Scenario Corrected(Scenario scenario)
    {
        var standing = new Dictionary<EventId, Step?>();
        foreach (Step step in scenario.Steps)
        {
            if (step.Operation != EventOperation.Insert || !standing.ContainsKey(step.EventId))
            {
                // A delete of what was never here takes no id.
                if (step.Operation != EventOperation.Delete || standing.ContainsKey(step.EventId))
                {
                    standing[step.EventId] = step.Operation == EventOperation.Delete ? null : step with { Operation = EventOperation.Insert };
                }
            }
        }

        Step[] steps = [.. standing.Values.OfType<Step>()];
        new Random(scenario.ReadSeed).Shuffle(steps);
        return scenario with { Steps = steps };
    }
}
