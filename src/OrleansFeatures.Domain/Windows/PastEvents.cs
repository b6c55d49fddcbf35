using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Summaries;

namespace OrleansFeatures.Domain.Windows;

/// <summary>
/// What remains of events that a timeline no longer holds as themselves:
/// <code>
///   lifetime    |  bucket  |  bucket  | ... |  bucket  |   rows
///          floor                            ^ compacted through
///   all that    (i·hop, (i+1)·hop] each, of the time that an entity over its memory budget has compacted
///   is older
/// </code>
/// Buckets leave like events do, into the lifetime sum where a feature wants one. A window whose ends fall on hop boundaries is summed from whole buckets; where an end cuts a
/// bucket, the bucket counts if its middle lies in the window, and the value is approximate. What is summed up cannot be corrected, nor read as it was known earlier. A correction that was let in
/// before its event was summed up finds it here: the sum keeps the old version, and every value from it is approximate from then on.
/// </summary>
internal sealed class PastEvents
{
    private const byte Format = 1;
    private const int HasCompacted = 1;
    private const int HasLifetime = 2;
    private const int LifetimeMuddled = 4;
    private const int Headless = 8;

    private readonly List<Bucket> _buckets = [];
    private Summary? _lifetime;
    private long _lifetimeThrough = long.MinValue;
    private bool _isLifetimeMuddled;
    private long _newestArrival = long.MinValue;
    private long _accounted;

    /// <summary>Whether something had left before the first sum was made, so that sums are not of everything that ever came: of history that was cut from the log before this state was built.</summary>
    public bool IsHeadless { get; init; }

    /// <summary>Buckets cover event times after this; <see cref="long.MaxValue"/> while nothing has been compacted.</summary>
    public long FloorMicros { get; private set; } = long.MaxValue;

    /// <summary>And through this.</summary>
    public long CompactedThroughMicros { get; private set; } = long.MinValue;

    /// <summary>Events that are in sums only.</summary>
    public long EventCount { get; private set; }

    /// <summary>Estimated bytes of all sums. Costs a walk over them.</summary>
    public long Bytes => (_lifetime?.Bytes ?? 0) + _buckets.Sum(bucket => bucket.Sum.Bytes);

    /// <summary>What <see cref="Account"/> has given in all.</summary>
    public long Accounted => _accounted;

    /// <summary>By how much the sums have grown since this was last asked.</summary>
    public long Account()
    {
        long grown = Bytes - _accounted;
        _accounted += grown;
        return grown;
    }

    /// <summary>From now on what leaves through <paramref name="through"/>, a multiple of the hop, goes into buckets.</summary>
    /// <param name="through">Where rows begin again.</param>
    /// <param name="floor">The newest event time that had left before, without a trace in buckets.</param>
    public void Compact(long through, long floor)
    {
        if (CompactedThroughMicros == long.MinValue)
        {
            FloorMicros = floor;
        }

        CompactedThroughMicros = through;
    }

    /// <summary>Takes over a row that leaves the timeline: into its bucket, or into the lifetime sum. A superseded one leaves no trace.</summary>
    public void Take(RowLayout layout, ReadOnlySpan<long> row, bool toBucket)
    {
        long until = row[RowLayout.Until];
        _newestArrival = Math.Max(_newestArrival, until == 0 ? row[RowLayout.Arrival] : long.MaxValue - until);
        if (until != 0)
        {
            return;
        }

        if (toBucket)
        {
            BucketOf(layout, row[RowLayout.Time]).Sum.Add(layout.SummaryRowOf(row));
            EventCount++;
        }
        else if (layout.Plan.HasLifetime)
        {
            (_lifetime ??= new Summary(layout.SummaryPlan)).Add(layout.SummaryRowOf(row));
            _lifetimeThrough = Math.Max(_lifetimeThrough, row[RowLayout.Time]);
            EventCount++;
        }
    }

    /// <summary>Counts a late event where its time is summed up; false where no sum wants it. Its id is not remembered here: whoever lets events in does that.</summary>
    public bool Add(RowLayout layout, ReadOnlySpan<long> row)
    {
        bool inBuckets = row[RowLayout.Time] > FloorMicros && row[RowLayout.Time] <= CompactedThroughMicros;
        if (!inBuckets && !layout.Plan.HasLifetime)
        {
            return false;
        }

        Take(layout, row, inBuckets);
        return true;
    }

    /// <summary>A version of an event of that time was to be taken back; if it is in a sum, it stays there, and the sum says so.</summary>
    public void Muddle(RowLayout layout, long time)
    {
        if (time > FloorMicros && time <= CompactedThroughMicros)
        {
            long end = HopEnd(time, layout.Plan.HopMicros);
            int at = FirstEndingAfter(end - 1);
            if (at < _buckets.Count && _buckets[at].End == end)
            {
                _buckets[at].IsMuddled = true;
            }
        }
        else
        {
            _isLifetimeMuddled |= _lifetime is not null && time <= _lifetimeThrough;
        }
    }

    /// <summary>Lets buckets go that end at or before <paramref name="through"/>.</summary>
    public void Forget(RowLayout layout, long through)
    {
        int gone = 0;
        while (gone < _buckets.Count && _buckets[gone].End <= through)
        {
            gone++;
        }

        Drop(layout, gone);
        if (CompactedThroughMicros != long.MinValue)
        {
            FloorMicros = Math.Max(FloorMicros, through);
        }
    }

    /// <summary>Lets the oldest buckets go until the sums take at most so much. What reaches back to them is then outside retention.</summary>
    public void Shrink(RowLayout layout, long bytes)
    {
        int gone = 0;
        for (long left = Bytes; left > bytes && gone < _buckets.Count; gone++)
        {
            left -= _buckets[gone].Sum.Bytes;
        }

        if (gone > 0)
        {
            FloorMicros = _buckets[gone - 1].End;
            Drop(layout, gone);
        }
    }

    /// <summary>
    /// <code>
    ///   format 1 | flags: 1 compacted, 2 lifetime sum, 4 which is muddled, 8 headless | newest arrival | event count
    ///   compacted:  floor | through          lifetime sum:  through | the sum
    ///   number of buckets, then of each: its end's distance from the one before | its events, doubled, and 1 if muddled | its sum
    /// </code>
    /// </summary>
    public void Save(StateWriter to)
    {
        to.Byte(Format);
        bool hasCompacted = CompactedThroughMicros != long.MinValue;
        to.Byte((byte)((hasCompacted ? HasCompacted : 0) | (_lifetime is null ? 0 : HasLifetime) | (_isLifetimeMuddled ? LifetimeMuddled : 0) | (IsHeadless ? Headless : 0)));
        to.Int64(_newestArrival);
        to.Packed((ulong)EventCount);
        if (hasCompacted)
        {
            to.Int64(FloorMicros);
            to.Int64(CompactedThroughMicros);
        }

        if (_lifetime is not null)
        {
            to.Int64(_lifetimeThrough);
            _lifetime.Save(to);
        }

        to.Packed((ulong)_buckets.Count);
        long before = 0;
        foreach (Bucket bucket in _buckets)
        {
            to.Packed((ulong)(bucket.End - before));
            to.Packed(((ulong)bucket.Events << 1) | (bucket.IsMuddled ? 1UL : 0));
            bucket.Sum.Save(to);
            before = bucket.End;
        }
    }

    /// <summary>
    /// What <see cref="Save"/> wrote under the same definitions: equal to the bit, now and after whatever comes. None of its bytes is accounted yet: the first <see cref="Account"/> gives them all.
    /// </summary>
    /// <exception cref="StateFormatException">It cannot have written this.</exception>
    public static PastEvents Load(ref StateReader from, RowLayout layout)
    {
        if (from.Byte() is var format && format != Format)
        {
            throw new StateFormatException($"sums are of format {format}, and this program reads format {Format}");
        }

        byte flags = from.Byte();
        if (flags > (HasCompacted | HasLifetime | LifetimeMuddled | Headless) || ((flags & HasLifetime) != 0 && !layout.Plan.HasLifetime) || (flags & (HasLifetime | LifetimeMuddled)) == LifetimeMuddled)
        {
            throw new StateFormatException($"sums are said to hold {flags}, which is not of this timeline");
        }

        var past = new PastEvents { _newestArrival = from.Int64(), EventCount = from.PackedWithin(0, Limits.SummedEventsMax), _isLifetimeMuddled = (flags & LifetimeMuddled) != 0, IsHeadless = (flags & Headless) != 0 };
        if ((flags & HasCompacted) != 0)
        {
            past.FloorMicros = from.Int64();
            past.CompactedThroughMicros = from.Int64();
            if (past.CompactedThroughMicros == long.MinValue)
            {
                throw new StateFormatException("sums are said to be compacted, and through no time");
            }
        }

        if ((flags & HasLifetime) != 0)
        {
            past._lifetimeThrough = from.Int64();
            past._lifetime = Summary.Load(ref from, layout.SummaryPlan);
        }

        past.LoadBuckets(ref from, layout);
        return past;
    }

    /// <summary>Computes a feature whose window reaches back to sums.</summary>
    public FeatureValue Read(FeaturePlan feature, in WindowRange range, TimelineReader reader, RowLayout layout, EventTime knownAt)
    {
        bool isLifetime = feature.Window.Window.Kind == WindowKind.Lifetime;
        if (knownAt.Micros < _newestArrival || (isLifetime && (IsHeadless || range.Span.Through < _lifetimeThrough)))
        {
            return FeatureValue.OutsideRetention;
        }

        int spec = layout.SummaryPlan.SpecOf(feature);
        var sum = new Summary(layout.SummaryPlan);
        bool isBlurred = false;
        if (_lifetime is not null && isLifetime)
        {
            sum.Merge(_lifetime, spec);
            isBlurred = _isLifetimeMuddled;
        }

        isBlurred |= MergeBuckets(sum, spec, range, layout.Plan.HopMicros);
        reader.Sum(range.From, range.To, sum, spec);
        FeatureValue value = sum.Compute(feature, range.Span);
        if (!isBlurred)
        {
            return value;
        }

        // Null could as well mean that the events lie in the part of a bucket that does not count.
        return value.HasValue ? value with { Status = FeatureStatus.Approximate } : value.Status == FeatureStatus.NullValue ? FeatureValue.OutsideRetention : value;
    }

    /// <summary>
    /// Whether the newest event at or before an instant, which is in a bucket if anywhere, happened at or after <paramref name="oldest"/>: present, or outside the greatest age, or outside
    /// retention where the bucket does not tell.
    /// </summary>
    public FeatureStatus AgeAt(long asOf, long oldest, long hop)
    {
        int at = FirstEndingAfter(asOf) - 1;
        bool isCut = at + 1 < _buckets.Count && _buckets[at + 1].End - hop < asOf;
        if (at < 0)
        {
            return FeatureStatus.OutsideRetention;
        }

        Bucket newest = _buckets[at];
        return !newest.IsMuddled && newest.End - hop >= oldest ? FeatureStatus.Present
            : !newest.IsMuddled && !isCut && newest.End < oldest ? FeatureStatus.OutsideMaxAge
            : FeatureStatus.OutsideRetention;
    }

    private void LoadBuckets(ref StateReader from, RowLayout layout)
    {
        int count = from.Fitting((int)from.PackedWithin(0, CompactedThroughMicros == long.MinValue ? 0 : int.MaxValue), 2 + Summary.PresenceBytes(layout.SummaryPlan));
        long end = 0;
        long events = 0;
        for (int index = 0; index < count; index++)
        {
            end += from.PackedWithin(index == 0 ? 0 : 1, HopEnd(Limits.EventTimeMaxMicros, layout.Plan.HopMicros) - end);
            if (end % layout.Plan.HopMicros != 0)
            {
                throw new StateFormatException($"a bucket ends at {end}, between two hops");
            }

            long packed = from.PackedWithin(2, ((EventCount - events) << 1) | 1);
            long own = packed >> 1;
            events += own;
            _buckets.Add(new Bucket(end, Summary.Load(ref from, layout.SummaryPlan)) { Events = own, IsMuddled = (packed & 1) != 0 });
        }
    }

    /// <summary>Adds what lies in the window; true if a bucket is cut, or holds what it should not.</summary>
    private bool MergeBuckets(Summary sum, int spec, in WindowRange range, long hop)
    {
        bool isBlurred = false;
        long through = range.Span.Through;
        for (int index = FirstEndingAfter(range.After); index < _buckets.Count && _buckets[index].End - hop < through; index++)
        {
            Bucket bucket = _buckets[index];
            long start = bucket.End - hop;
            long middle = bucket.End - (hop / 2);
            isBlurred |= bucket.IsMuddled || start < range.After || through < bucket.End;
            if (middle > range.After && middle <= through)
            {
                sum.Merge(bucket.Sum, spec);
            }
        }

        return isBlurred;
    }

    private int FirstEndingAfter(long time)
    {
        int low = 0;
        int high = _buckets.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = _buckets[middle].End <= time ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    private void Drop(RowLayout layout, int buckets)
    {
        for (int index = 0; index < buckets; index++)
        {
            if (layout.Plan.HasLifetime)
            {
                (_lifetime ??= new Summary(layout.SummaryPlan)).Merge(_buckets[index].Sum);
                _isLifetimeMuddled |= _buckets[index].IsMuddled;
                _lifetimeThrough = Math.Max(_lifetimeThrough, _buckets[index].End);
            }
            else
            {
                EventCount -= _buckets[index].Events;
            }
        }

        _buckets.RemoveRange(0, buckets);
    }

    private Bucket BucketOf(RowLayout layout, long time)
    {
        long hop = layout.Plan.HopMicros;
        long end = HopEnd(time, hop);
        int at = _buckets.Count;
        while (at > 0 && _buckets[at - 1].End > end)
        {
            at--;
        }

        if (at == 0 || _buckets[at - 1].End != end)
        {
            var bucket = new Bucket(end, new Summary(layout.SummaryPlan));
            _buckets.Insert(at, bucket);
            at++;
        }

        _buckets[at - 1].Events++;
        return _buckets[at - 1];
    }

    /// <summary>The end of the hop (end - hop, end] that a time lies in.</summary>
    public static long HopEnd(long time, long hop) => (time + hop - 1) / hop * hop;

    private sealed class Bucket(long end, Summary sum)
    {
        public long End => end;

        public Summary Sum => sum;

        public long Events { get; set; }

        /// <summary>Whether it holds a version of an event that was corrected since.</summary>
        public bool IsMuddled { get; set; }
    }
}
