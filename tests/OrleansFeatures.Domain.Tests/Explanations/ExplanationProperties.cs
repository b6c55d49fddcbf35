using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Explanations;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Tests.Properties;
using OrleansFeatures.Domain.Tests.Windows;

namespace OrleansFeatures.Domain.Tests.Explanations;

/// <summary>
/// Whatever comes, in whatever order: the fate that an explanation gives each version of an event is the one that a look at the naive oracle gives it, and what counts gives by itself the value
/// that the entity answers.
/// </summary>
public sealed class ExplanationProperties
{
    [Fact]
    public void Every_version_has_the_fate_that_the_naive_oracle_gives_it_and_those_that_count_give_the_value() =>
        Property.Holds(50, ScenarioMaker.Any(lateness: true, lifetime: true), scenario => scenario.Shrink(), Compare);

    [Fact]
    public void Every_kind_of_window_is_explained()
    {
        var met = new HashSet<Exclusion>();
        foreach (WindowDefinition window in ScenarioMaker.Windows.Append(WindowDefinition.Lifetime))
        {
            var random = new Random(window.ToString().Length);
            long pause = window.Width.Micros == 0 ? 60_000_000 : Math.Max(1_000, window.Width.Micros / 20);
            var shape = new ScenarioShape(FieldType.String, 1_000, pause, IsExtreme: false, Count: 150, CorrectionShare: 20, LateShare: 40);
            FeatureDefinition[] features =
            [
                new("sum", "sum(amount)", window, Duration.Zero, null, Value.Null), new("by", "count", window, new Duration(7_000_000), "units >= 0", Value.Null) { By = "tag" },
                new("best", "max_by(tag, units)", window, Duration.Zero, "ok", Value.Null),
            ];
            FeatureViewDefinition view = new("v", 1, Scenario.Entity, Scenario.Stream, null, [.. features]) { AllowedLateness = new Duration(5 * pause) };
            met.UnionWith(Compare(new Scenario(shape, [view], [.. ScenarioMaker.Steps(random, shape)], 1), 30));
        }

        met.ShouldBe(Enum.GetValues<Exclusion>(), ignoreOrder: true, "every fate occurs in some window");
    }

    private static void Compare(Scenario scenario) => Compare(scenario, 4);

    private static HashSet<Exclusion> Compare(Scenario scenario, int readings)
    {
        var run = new ScenarioRun(scenario, forgets: false, keepsRecords: true);
        foreach (Step step in scenario.Steps)
        {
            run.Apply(step);
        }

        var met = new HashSet<Exclusion>();
        foreach ((string key, long asOf, long knownAt) in run.Instants(new Random(scenario.ReadSeed), scenario.Steps, readings))
        {
            FeatureValue[] served = run.Read(key, asOf, knownAt);
            for (int index = 0; index < served.Length; index++)
            {
                FeatureExplanation explained = Explain(run, index, key, asOf, knownAt);
                string context = $"{run.All.Features[index].Reference} of {key} as of {asOf} known at {knownAt}";
                FatesOf(explained).ShouldBe(ExpectedFates(run, index, key, asOf, knownAt), ignoreOrder: true, context);
                Results.ShouldAgree(run.All.Features[index], explained.Recomputed, served[index], context);
                explained.Counts.Where(pair => pair.Key is not (Exclusion.BeforeWindow or Exclusion.AfterWindow)).ShouldBe(
                    explained.Events.CountBy(told => told.Exclusion).Where(pair => pair.Key is not (Exclusion.BeforeWindow or Exclusion.AfterWindow)).Select(pair => KeyValuePair.Create(pair.Key, (long)pair.Value)), ignoreOrder: true, context);
                met.UnionWith(explained.Counts.Keys);
            }
        }

        return met;
    }

    private static FeatureExplanation Explain(ScenarioRun run, int index, string key, long asOf, long knownAt)
    {
        EntityPlan entity = run.Catalog.Entity(Scenario.Entity)!;
        var ledger = new EventLedger(entity, run.All.Features[index], new EventTime(asOf), new EventTime(knownAt), listMax: 100_000, keptMax: 100_000);
        string encoded = EventFeed.KeyText(Value.Of(key));
        for (int at = 0; at < run.Feed.Records.Count; at++)
        {
            (string owner, byte[] bytes) = run.Feed.Records[at];
            if (owner == encoded)
            {
                ledger.Add(EventRecord.Parse(bytes), bytes, new RecordPlace(3, at, at));
            }
        }

        return ledger.Explain(run.Feed.StateOf(Scenario.Entity, Value.Of(key)) is not null, floors: null);
    }

    /// <summary>Outside of the window copies are told as often as they came, which says nothing of the value: one will do.</summary>
    private static IEnumerable<string> FatesOf(FeatureExplanation explained) => explained.Events
        .Select(told => Fate(told.Id.ToString(), told.Time.Micros, told.Exclusion is Exclusion.BeforeWindow or Exclusion.AfterWindow ? 0 : told.Arrival.Micros, told.Exclusion))
        .GroupBy(fate => fate).SelectMany(fates => fates.Key.EndsWith("Window", StringComparison.Ordinal) ? fates.Take(1) : fates);

    private static IEnumerable<string> ExpectedFates(ScenarioRun run, int index, string key, long asOf, long knownAt)
    {
        FeatureDefinition feature = run.DefinitionOf(index);
        long through = asOf - feature.Delay.Micros;
        long after = NaiveOracle.AfterOf(feature.Window, through);
        AggregateCall call = run.All.Features[index].Aggregate;
        HashSet<NaiveEvent> window = [.. run.Oracle.Window(feature.Window, asOf, feature.Delay.Micros, knownAt, row => run.Counts(index, key, row)).Rows];
        foreach (NaiveEvent version in run.Oracle.Versions.Where(version => version.Key == key).DistinctBy(version => version.Time > after && version.Time <= through ? (object)version : (version.Id, version.Time)))
        {
            bool isValueless = new[] { call.Field, call.OrderBy, feature.By }.Any(field => field is not null && version.Fields[field].IsNull);
            Exclusion exclusion = version.Time > through ? Exclusion.AfterWindow
                : version.Time <= after ? Exclusion.BeforeWindow
                : version.Arrival > knownAt ? Exclusion.NotYetKnown
                : knownAt >= version.Until ? Exclusion.Superseded
                : version.Lateness > run.ViewOf(index).AllowedLateness?.Micros ? Exclusion.TooLate
                : !run.Counts(index, key, version) ? Exclusion.Filtered
                : window.Contains(version) ? isValueless ? Exclusion.NoValue : Exclusion.None
                : feature.Window.Kind == WindowKind.Count ? Exclusion.BeyondCount : Exclusion.OtherSession;
            yield return Fate(version.Id.ToString(), version.Time, exclusion is Exclusion.BeforeWindow or Exclusion.AfterWindow ? 0 : version.Arrival, exclusion);
        }
    }

    private static string Fate(string id, long time, long arrival, Exclusion exclusion) => $"{id} t{time} @{arrival} {exclusion}";
}
