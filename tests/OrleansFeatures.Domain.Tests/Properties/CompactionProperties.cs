using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Tests.Windows;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Tests.Properties;

/// <summary>
/// Values over what has been summed up in hops. A hop counts as a whole, where its middle lies in the window: so a window whose ends lie on hops is exact, and any other is that of the
/// nearest hops and says that it is approximate.
/// </summary>
public sealed class CompactionProperties
{
    private const long Second = 1_000_000;
    private const string Key = "a";

    private static readonly AccuracyDefinition[] Accuracies = [new(new Duration(900 * Second), new Duration(300 * Second)), new(new Duration(1_800 * Second), new Duration(900 * Second))];

    private static readonly WindowDefinition[] Windows =
    [
        WindowDefinition.Sliding(new Duration(10_800 * Second)), WindowDefinition.Sliding(new Duration(3_600 * Second)), WindowDefinition.Sliding(Duration.Days(1)), WindowDefinition.Sliding(new Duration(1_001 * Second)),
        WindowDefinition.Tumbling(new Duration(21_600 * Second)), WindowDefinition.Last(50),
    ];

    private readonly Dictionary<FeatureStatus, int> _summed = [];

    [Fact]
    public void Sums_answer_for_whole_hops_and_say_where_they_cut_one()
    {
        Property.Holds(80, Property.FromRandom(random => Make(random)), scenario => scenario.Shrink(), scenario => Check(scenario, _ => { }));
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", _summed));
        _summed.GetValueOrDefault(FeatureStatus.Present).ShouldBeGreaterThan(100, "values of whole hops");
        _summed.GetValueOrDefault(FeatureStatus.Approximate).ShouldBeGreaterThan(100, "values of hops that are cut");
    }

    [Fact]
    public void Late_events_count_in_the_sums_of_their_hops() =>
        Property.Holds(25, Property.FromRandom(random => Make(random)), scenario => scenario.Shrink(), scenario => Check(scenario, run =>
        {
            var random = new Random(scenario.ReadSeed);
            long horizon = HorizonOf(run);
            for (int index = 0; index < 20 && horizon > 0; index++)
            {
                long time = (horizon - random.NextInt64(7_200 * Second)) / 1_000 * 1_000;
                Value id = scenario.Shape.Ids == FieldType.Int64 ? Value.Of(1_000_000L + index) : Value.Of($"late {index}");
                run.Apply(new Step(EventOperation.Insert, run.NewestOf(Key), [id, Value.Of(new EventTime(time)), Value.Of(Key), .. ScenarioMaker.Payload(random, scenario.Shape)])).ShouldBeOneOf(ApplyResult.Applied, HoldsAll(run) ? ApplyResult.Applied : ApplyResult.TooOld);
            }
        }));

    [Fact]
    public void What_is_summed_up_cannot_be_corrected_and_a_correction_that_comes_too_late_is_not_kept_quiet() =>
        Property.Holds(25, Property.FromRandom(random => Make(random)), scenario => scenario.Shrink(), scenario => Check(scenario, run =>
        {
            long horizon = HorizonOf(run);
            EntityState? state = run.Feed.StateOf(Scenario.Entity, Value.Of(Key));
            foreach (Step step in scenario.Steps.Where(step => step.Micros <= horizon).Take(20))
            {
                state!.PresenceOf(0, new EventTime(step.Micros)).ShouldBeOneOf(Presence.Summed, HoldsAll(run) ? Presence.Summed : Presence.Gone);
                var correction = new EventArrival(new EventTime(run.NewestOf(Key)), run.NewestOf(Key), EventOperation.Delete, new EventVersion(step.Micros, 1));
                run.Feed.Push(Scenario.Stream, correction, step.Fields).ShouldBe(ApplyResult.NotHere);
            }
        }, mayBeMuddled: true));

    [Fact]
    public void Sums_do_not_know_what_was_known_before_their_last_event_arrived() =>
        Property.Holds(40, Property.FromRandom(random => Make(random)), scenario => scenario.Shrink(), scenario =>
        {
            ScenarioRun run = After(scenario);
            long horizon = HorizonOf(run);
            var random = new Random(scenario.ReadSeed);
            long knownAt = ScenarioMaker.Pick(random, scenario.Steps).Arrival;
            FeatureValue[] values = run.Read(Key, run.NewestOf(Key), knownAt);
            for (int index = 0; index < values.Length; index++)
            {
                FeaturePlan feature = run.All.Features[index];
                long after = run.NewestOf(Key) - feature.Window.Delay.Micros - feature.Window.Window.Width.Micros;
                if (feature.Window.Window.Kind == WindowKind.Sliding && run.Oracle.Between(after, horizon, EventTime.Never.Micros, row => row.Key == Key).Any(row => row.Arrival > knownAt))
                {
                    values[index].ShouldBe(FeatureValue.OutsideRetention, $"{feature.Aggregate} over {feature.Window.Window} known at {knownAt}, summed up through {horizon}");
                }
            }
        });

    private void Check(Scenario scenario, Action<ScenarioRun> then, bool mayBeMuddled = false)
    {
        ScenarioRun run = After(scenario);
        then(run);
        var random = new Random(scenario.ReadSeed);
        long hop = run.Catalog.Entity(Scenario.Entity)!.Timelines[0].HopMicros;
        for (int reading = 0; reading < 8; reading++)
        {
            long at = reading % 2 == 0 ? run.NewestOf(Key) + (random.Next(3) * hop) : ScenarioMaker.Pick(random, scenario.Steps).Micros + random.Next(2);
            Compare(run, random.Next(2) == 0 ? PastEvents.HopEnd(at, hop) : at, hop, mayBeMuddled);
        }
    }

    private void Compare(ScenarioRun run, long asOf, long hop, bool mayBeMuddled)
    {
        long horizon = HorizonOf(run);
        bool holdsAll = HoldsAll(run);
        FeatureValue[] values = run.Read(Key, asOf, EventTime.Never.Micros);
        for (int index = 0; index < values.Length; index++)
        {
            FeaturePlan feature = run.All.Features[index];
            WindowDefinition window = feature.Window.Window;
            long through = asOf - feature.Window.Delay.Micros;
            if (window.Kind is WindowKind.Count || ((!holdsAll || mayBeMuddled) && values[index].Status == FeatureStatus.OutsideRetention))
            {
                continue;
            }

            long after = window.Kind == WindowKind.Sliding ? through - window.Width.Micros : NaiveCalendar.StartOf(window, through) - 1;
            var span = new WindowSpan(asOf, window.Kind == WindowKind.Sliding ? after : after + 1, through);
            bool isRaw = after >= horizon;
            bool isCut = !isRaw && (Cuts(run, after, hop, horizon) || Cuts(run, through, hop, horizon));
            List<NaiveEvent> rows = run.Oracle.Between(isRaw ? after : Snap(after, hop, horizon), isRaw ? through : Snap(through, hop, horizon), EventTime.Never.Micros, row => run.Counts(index, Key, row));
            object? expected = NaiveOracle.Compute(feature.Aggregate, rows, span, run.ByOf(index));
            string context = $"{feature.Aggregate} over {window} delayed {feature.Window.Delay} by {run.ByOf(index)} at {asOf}, summed up through {horizon}, cut {isCut}: {Results.Show(values[index])}, the oracle says {Results.Show(expected)}";
            if (isCut && expected is null)
            {
                values[index].Status.ShouldBe(FeatureStatus.OutsideRetention, context);
                continue;
            }

            FeatureStatus status = values[index].Status;
            _summed[status] = _summed.GetValueOrDefault(status) + (isRaw ? 0 : 1);
            bool maySketch = !isRaw && !Domain.Summaries.Summary.IsExact(feature);
            (status == FeatureStatus.Approximate && !isCut && !maySketch && !mayBeMuddled).ShouldBeFalse(context);
            (status == FeatureStatus.Present && isCut).ShouldBeFalse(context);
            bool close = maySketch && status == FeatureStatus.Approximate
                ? IsWithinBound(feature, values[index], expected, rows)
                : Results.Same(values[index] with { Status = status == FeatureStatus.Approximate ? FeatureStatus.Present : status }, expected, 1e-6);
            close.ShouldBeTrue(context);
        }
    }

    /// <summary>What a sketch promises; everything else has been compared as it is.</summary>
    private static bool IsWithinBound(FeaturePlan feature, in FeatureValue value, object? expected, List<NaiveEvent> rows)
    {
        switch (feature.Aggregate.Kind)
        {
            case AggregateKind.DistinctCount:
                return Math.Abs(value.Scalar.Int64 - (long)expected!) <= 0.066 * (long)expected;
            case AggregateKind.Mode or AggregateKind.TopK or AggregateKind.Entropy:
                // Beyond so many values the counts are bounds; those have tests of their own.
                return rows.Select(row => row.Fields[feature.Aggregate.Field!]).Distinct().Count() > Limits.FrequentValuesMax || Results.Same(value with { Status = FeatureStatus.Present }, expected, 1e-6);
            case AggregateKind.Drawdown:
                // An upper bound, where sums have taken events out of their order.
                return Number(value.Scalar) >= (expected is double fall ? fall : (long)expected!) - 1e-6;
            case AggregateKind.Percentile or AggregateKind.PercentileDisc or AggregateKind.Median:
                break;
            default:
                return Results.Same(value with { Status = FeatureStatus.Present }, expected, 1e-6);
        }

        double[] values = [.. rows.Select(row => row.Fields[feature.Aggregate.Field!]).Where(field => !field.IsNull).Select(Number).Order()];
        double exact = expected is Value discrete ? Number(discrete) : (double)expected!;
        double number = Number(value.Scalar);
        double below = values.LastOrDefault(other => other <= exact, exact);
        double above = values.FirstOrDefault(other => other >= exact, exact);
        double rounding = value.Scalar.Type == FieldType.Double ? 1e-9 : 0.5;
        return Math.Abs(number - exact) <= (1.0001 * Limits.QuantileAccuracy * Math.Max(Math.Abs(below), Math.Abs(above))) + rounding;
    }

    private static double Number(Value value) => value.Type == FieldType.Double ? value.Double : value.Bits;

    /// <summary>Whether an end lies within a hop that has been summed up and has events.</summary>
    private static bool Cuts(ScenarioRun run, long end, long hop, long horizon) => end < horizon && end % hop != 0
        && run.Oracle.Between(PastEvents.HopEnd(end, hop) - hop, PastEvents.HopEnd(end, hop), EventTime.Never.Micros, row => row.Key == Key).Count > 0;

    /// <summary>The end of the hop, or its start, whichever side of the end its middle lies on.</summary>
    private static long Snap(long end, long hop, long horizon) => end >= horizon || end % hop == 0 ? end
        : PastEvents.HopEnd(end, hop) - (PastEvents.HopEnd(end, hop) - (hop / 2) > end ? hop : 0);

    /// <summary>Whether every event is held, as itself or in a sum; sums leave too where they take more than they may.</summary>
    private static bool HoldsAll(ScenarioRun run) =>
        (run.Feed.StateOf(Scenario.Entity, Value.Of(Key))?.Memory().SummedEvents ?? 0) == run.Oracle.Between(long.MinValue, HorizonOf(run), EventTime.Never.Micros, row => row.Key == Key).Count;

    private static long HorizonOf(ScenarioRun run) => run.Feed.StateOf(Scenario.Entity, Value.Of(Key))?.Memory().FloorMicros ?? long.MinValue;

    /// <summary>Applies all, and compacts now and then to some fraction of what there is.</summary>
    private static ScenarioRun After(Scenario scenario)
    {
        var run = new ScenarioRun(scenario);
        var random = new Random(scenario.ReadSeed);
        for (int step = 0; step < scenario.Steps.Length; step++)
        {
            run.Apply(scenario.Steps[step]);
            if ((step % 400 == 399 || step == scenario.Steps.Length - 1) && run.Feed.StateOf(Scenario.Entity, Value.Of(Key)) is { } state)
            {
                state.Compact(state.Memory().RowBytes * ScenarioMaker.Pick(random, [50, 80, 90, 95]) / 100);
            }
        }

        return run;
    }

    /// <summary>A few hours of one entity, within the slack, so that nothing leaves altogether.</summary>
    private static Scenario Make(Random random)
    {
        var shape = new ScenarioShape(random.Next(4) == 0 ? FieldType.String : FieldType.Int64, ScenarioMaker.Pick(random, [1L, 1_000, Second]), ScenarioMaker.Pick(random, [Second, 3 * Second]), IsExtreme: false, random.Next(300, 2_000), 5, 20);
        // Sketches of few rows take more than the rows, and would have to leave at once.
        bool sketches = random.Next(3) == 0;
        string[] aggregates = [.. ScenarioMaker.Aggregates().Where(text => sketches || !ScenarioMaker.Sketched.Any(text.StartsWith))];
        AccuracyDefinition accuracy = ScenarioMaker.Pick(random, Accuracies);
        FeatureDefinition[] features = [.. Enumerable.Range(0, sketches ? 2 : 6).Select(index =>
        {
            string aggregate = ScenarioMaker.Pick(random, aggregates);
            bool isScalar = AggregateCall.Parse(aggregate, out _, out _)!.Shape == FeatureShape.Scalar;
            return new FeatureDefinition($"f{index}", aggregate, ScenarioMaker.Pick(random, Windows), ScenarioMaker.Pick(random, [Duration.Zero, new Duration(7 * Second), new Duration(900 * Second)]), null, Value.Null)
            {
                Accuracy = accuracy,
                By = isScalar && !ScenarioMaker.Sketched.Any(aggregate.StartsWith) && random.Next(4) == 0 ? ScenarioMaker.Pick(random, ["tag", "ok"]) : null,
            };
        })];
        Step[] steps = [.. ScenarioMaker.Steps(random, shape).Select(step => step with { Fields = [.. step.Fields[..Step.Key], Value.Of(Key), .. step.Fields[(Step.Key + 1)..]] })];
        return new Scenario(shape, [new FeatureViewDefinition("all", 1, Scenario.Entity, Scenario.Stream, random.Next(3) == 0 ? "units >= 0" : null, [.. features])], steps, random.Next());
    }
}
