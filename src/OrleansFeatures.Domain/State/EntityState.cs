using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.State;

/// <summary>
/// All that one entity remembers, and every feature of it at any instant within its retention. A function of the set of events applied:
/// neither their order nor repetition changes a value. Entered by one thread at a time.
/// </summary>
public sealed class EntityState
{
    private static readonly TextDictionary NoTexts = new();

    private readonly EntityPlan _plan;
    private readonly Timeline[] _timelines;

    /// <param name="plan">What to keep and compute.</param>
    /// <param name="forgets">Whether events older than the retention leave; a training query keeps them all.</param>
    public EntityState(EntityPlan plan, bool forgets = true)
    {
        _plan = plan;
        _timelines = [.. plan.Timelines.Select(timeline => new Timeline(timeline, forgets))];
    }

    /// <summary>Raw events held.</summary>
    public long EventCount
    {
        get
        {
            long count = 0;
            foreach (Timeline timeline in _timelines)
            {
                count += timeline.EventCount;
            }

            return count;
        }
    }

    /// <summary>The newest event time seen; null before the first event.</summary>
    public EventTime? LastEventTime
    {
        get
        {
            long last = long.MinValue;
            foreach (Timeline timeline in _timelines)
            {
                last = Math.Max(last, timeline.LastTimeMicros);
            }

            return last == long.MinValue ? null : new EventTime(last);
        }
    }

    /// <summary>Applies one record of the timeline that <paramref name="rows"/> reads for.</summary>
    public ApplyResult Apply(int timeline, in EventRecord record, RowReader rows) => _timelines[timeline].Insert(rows.Read(record));

    /// <summary>
    /// Computes the plan's features as of <paramref name="asOf"/> into <paramref name="values"/> (one per feature of the plan). Costs one walk over the
    /// events of each distinct window.
    /// </summary>
    public void Read(ReadPlan plan, EventTime asOf, Span<FeatureValue> values, WindowScratch scratch)
    {
        foreach (WindowRead read in plan.Windows)
        {
            Timeline timeline = _timelines[read.Window.Timeline];
            long through = asOf.Micros - read.Window.Delay.Micros;
            long after = through - read.Window.Window.Width.Micros;
            if (after < timeline.FloorMicros)
            {
                Fill(read, values, FeatureValue.OutsideRetention);
                continue;
            }

            ReadWindow(read, new RowRange(timeline, after, through, read.Window.FilterBits), new WindowSpan(asOf.Micros, after, through), values, scratch);
        }
    }

    /// <summary>What an entity that has never been seen answers: the values of empty windows, with NotFound where that is null.</summary>
    public static void ReadUnknown(ReadPlan plan, Span<FeatureValue> values)
    {
        foreach (WindowRead read in plan.Windows)
        {
            foreach (ColumnRead column in read.Columns)
            {
                foreach ((FeaturePlan feature, int output) in column.Features)
                {
                    bool counts = feature.Aggregate.Kind is AggregateKind.Count or AggregateKind.DistinctCount;
                    FeatureValue value = OrDefault(counts ? FeatureValue.Of(Value.Of(0L)) : FeatureValue.Null, feature);
                    values[output] = value.HasValue ? value : FeatureValue.NotFound;
                }
            }
        }
    }

    private void ReadWindow(WindowRead read, in RowRange rows, WindowSpan span, Span<FeatureValue> values, WindowScratch scratch)
    {
        foreach (ColumnRead column in read.Columns)
        {
            ColumnPlan? plan = column.Column < 0 ? null : _plan.Timelines[read.Window.Timeline].Columns[column.Column];
            TextDictionary texts = plan?.Type == FieldType.String ? new TextDictionary() : NoTexts;
            ReadOnlySpan<long> bits = rows.Gather(plan, texts, scratch, out ReadOnlySpan<long> times);
            var window = new ColumnValues(plan?.Type ?? FieldType.Timestamp, bits, times, span, texts, scratch);
            foreach ((FeaturePlan feature, int output) in column.Features)
            {
                values[output] = OrDefault(window.Compute(feature.Aggregate), feature);
            }
        }
    }

    private static FeatureValue OrDefault(in FeatureValue value, FeaturePlan feature) =>
        value.Status == FeatureStatus.NullValue && !feature.Default.IsNull ? FeatureValue.Of(feature.Default) : value;

    private static void Fill(WindowRead read, Span<FeatureValue> values, FeatureValue value)
    {
        foreach (ColumnRead column in read.Columns)
        {
            foreach ((_, int output) in column.Features)
            {
                values[output] = value;
            }
        }
    }
}
