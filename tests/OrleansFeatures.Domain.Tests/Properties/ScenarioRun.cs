using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Tests.Windows;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Tests.Properties;

/// <summary>A scenario under way, in the engine and in the oracle.</summary>
internal sealed class ScenarioRun
{
    private readonly FeatureDefinition[] _features;
    private readonly FeatureViewDefinition[] _views;
    private readonly Dictionary<string, long> _newest = [];
    private bool _isCorrected;

    public ScenarioRun(Scenario scenario, bool forgets = true, Catalog? catalog = null, int sleepsEvery = 0, bool keepsRecords = false)
    {
        Scenario = scenario;
        Catalog = catalog ?? scenario.Compile();
        Feed = new EventFeed(Catalog) { Forgets = forgets, SleepsEvery = sleepsEvery, RecordsKept = keepsRecords };
        _features = [.. scenario.Views.SelectMany(view => view.Features)];
        _views = [.. scenario.Views.SelectMany(view => view.Features.Select(_ => view))];
    }

    public Scenario Scenario { get; }

    public Catalog Catalog { get; }

    public EventFeed Feed { get; }

    public NaiveOracle Oracle { get; } = new();

    public Selection All => Catalog.AllOf(Scenario.Entity)!;

    /// <summary>The newest event time that came for a key, corrected or not.</summary>
    public long NewestOf(string key) => _newest.GetValueOrDefault(key, long.MinValue);

    public ApplyResult Apply(Step step)
    {
        ApplyResult result = Feed.Send(Scenario.Stream, step.Operation, step.Arrival, step.Fields);
        _isCorrected |= step.Operation != EventOperation.Insert;
        if (Feed.Refused)
        {
            return result;
        }

        if (step.Operation == EventOperation.Delete)
        {
            Oracle.Delete(step.EventId, step.Arrival);
            return result;
        }

        string key = step.Fields[Step.Key].Text;
        var version = new NaiveEvent(step.Micros, step.EventId, Scenario.Fields.Zip(step.Fields).ToDictionary(pair => pair.First, pair => pair.Second))
        {
            Key = key,
            Arrival = step.Arrival,
            Lateness = Feed.StreamTimeOf(Scenario.Stream) - step.Micros,
        };
        int before = Oracle.Versions.Count;
        if (step.Operation == EventOperation.Upsert)
        {
            Oracle.Upsert(version);
        }
        else
        {
            Oracle.Insert(version);
        }

        if (Oracle.Versions.Count > before)
        {
            _newest[key] = Math.Max(NewestOf(key), step.Micros);
        }

        return result;
    }

    public FeatureValue[] Read(string key, long asOf, long knownAt) => Feed.Read(All, new EventTime(asOf), new EventTime(knownAt), Value.Of(key));

    /// <summary>Reads everything at one instant and holds it against the oracle.</summary>
    public void Compare(string key, long asOf, long knownAt)
    {
        FeatureValue[] values = Read(key, asOf, knownAt);
        for (int index = 0; index < values.Length; index++)
        {
            if (values[index].Status == FeatureStatus.OutsideRetention && MayBeOutside(_features[index], key, asOf, knownAt))
            {
                continue;
            }

            object? expected = Expected(index, key, asOf, knownAt);
            // A map of sums may not promise to be exact, and one with more categories than fit is cut.
            bool isMap = values[index].Status == FeatureStatus.Approximate && _features[index].By is not null && (_features[index].Window.Kind == WindowKind.Lifetime || Scenario.Steps.Length > Limits.CategoriesMax);
            Results.Same(isMap ? values[index] with { Status = FeatureStatus.Present } : values[index], expected, _features[index].Window.Kind == WindowKind.Lifetime ? 1e-6 : 1e-9).ShouldBeTrue(
                $"{_views[index].Name}: {_features[index].Aggregate} over {_features[index].Window} delayed {_features[index].Delay} where {_features[index].Where} by {_features[index].By} of {key} at {asOf} known at {knownAt}: {Results.Show(values[index])}, the oracle says {Results.Show(expected)}");
        }
    }

    /// <summary>Instants at which something changes for some window: at an event, just before it, when it leaves; some long ago, some far ahead.</summary>
    public IEnumerable<(string Key, long AsOf, long KnownAt)> Instants(Random random, IReadOnlyList<Step> steps, int count)
    {
        for (int index = 0; index < count; index++)
        {
            FeatureDefinition feature = ScenarioMaker.Pick(random, _features);
            WindowDefinition window = feature.Window;
            long width = window.Kind == WindowKind.Session && random.Next(2) == 0 ? window.Gap.Micros : window.Width.Micros;
            long time = random.Next(3) == 0 ? steps.Max(step => step.Micros) : ScenarioMaker.Pick(random, [.. steps]).Micros;
            long asOf = time + random.Next(-1, 2) + (random.Next(2) == 0 ? feature.Delay.Micros : 0) + (random.Next(2) == 0 ? width : 0);
            long knownAt = random.Next(2) == 0 ? EventTime.Never.Micros : ScenarioMaker.Pick(random, [.. steps]).Arrival + random.Next(-1, 1);
            yield return (ScenarioMaker.Pick(random, Scenario.Keys), asOf, knownAt);
        }
    }

    public string? ByOf(int index) => _features[index].By;

    public FeatureDefinition DefinitionOf(int index) => _features[index];

    public FeatureViewDefinition ViewOf(int index) => _views[index];

    /// <summary>Whether an event counts for a feature, wherever its window lies.</summary>
    public bool Counts(int index, string key, NaiveEvent row)
    {
        FeatureViewDefinition view = _views[index];
        return row.Key == key
            && (view.AllowedLateness is null || row.Lateness <= view.AllowedLateness.Value.Micros)
            && (view.Where is null || Scenario.Filters[view.Where](row.Fields))
            && (_features[index].Where is not { } where || Scenario.Filters[where](row.Fields));
    }

    private object? Expected(int index, string key, long asOf, long knownAt)
    {
        FeatureDefinition feature = _features[index];
        return Oracle.Read(All.Features[index].Aggregate, feature.Window, asOf, feature.Delay.Micros, knownAt, row => Counts(index, key, row), feature.By);
    }

    /// <summary>Long before an entity's newest event; for the last N also where what was known, or what has been corrected, reaches farther back than what is.</summary>
    private bool MayBeOutside(FeatureDefinition feature, string key, long asOf, long knownAt) => Feed.Forgets
        && (asOf < NewestOf(key) - Catalog.RetentionSlack.Micros || (feature.Window.Kind == WindowKind.Count && (knownAt != EventTime.Never.Micros || _isCorrected))
            || (feature.Window.Kind == WindowKind.Lifetime && knownAt != EventTime.Never.Micros));
}
