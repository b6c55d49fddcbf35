using OrleansFeatures.Log.Format;
using OrleansFeatures.Log.Inspection;
using OrleansFeatures.Log.Tests.Faults;
using OrleansFeatures.Log.Tests.Inspection;

namespace OrleansFeatures.Log.Tests.Corruption;

/// <summary>
/// The corruption matrix, on a closed log. Whatever happens to whichever file: opening refuses it by name and changes nothing, or nothing is wrong with what it shows; an inspection agrees; and a skipping
/// opening shows every record that it does not report as lost, gives no number twice, keeps the damaged bytes, and is remembered.
/// <para>One pair of harms cannot be told from an ordinary loss of power: the last segment's end together with the durable mark that would have proved it.</para>
/// </summary>
public class CorruptionAtRestTests
{
    private const long SegmentBytes = 16 * 1024;

    private static readonly Lazy<Task<SampleLog>> Sample = new(() => SampleLog.Write(groups: 90, SegmentBytes));

    private static LogOptions Options => SampleLog.Options with { SegmentBytesMax = SegmentBytes };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string> Files => ["first", "middle", "last", LogFiles.Manifest, LogFiles.DurableMark];

    [Theory]
    [MemberData(nameof(Files))]
    public async Task One_harm_is_refused_or_harmless_and_can_be_skipped(string which)
    {
        const int seed = 11;
        var sample = await Sample.Value;
        foreach (var harm in Harm.All(sample, NameOf(sample, which), perRegion: 4, new Random(seed)))
        {
            await Check(sample, [harm], $"{harm} (seed {seed})");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Several_harms_at_once_are_refused_or_harmless_and_can_be_skipped(int batch)
    {
        var sample = await Sample.Value;
        var harms = sample.Files.Keys.Order(StringComparer.Ordinal).SelectMany(file => Harm.All(sample, file, perRegion: 3, new Random(batch))).ToList();
        for (var seed = batch * 50; seed < (batch + 1) * 50; seed++)
        {
            var random = new Random(seed);
            var some = Enumerable.Range(0, 2 + random.Next(4)).Select(_ => harms[random.Next(harms.Count)]).DistinctBy(harm => (harm.File, harm.Kind is HarmKind.FlipBit or HarmKind.SwapWords ? harm.At : -1)).ToList();
            await Check(sample, Fitting(some), $"{string.Join(", ", some)} (seed {seed})");
        }
    }

    /// <summary>Harm that changes a file's length comes last, and once for each file.</summary>
    private static List<Harm> Fitting(List<Harm> harms) =>
    [
        .. harms.Where(harm => harm.Kind is HarmKind.FlipBit or HarmKind.SwapWords or HarmKind.ZeroBlock),
        .. harms.Where(harm => harm.Kind is not (HarmKind.FlipBit or HarmKind.SwapWords or HarmKind.ZeroBlock)).DistinctBy(harm => harm.File),
    ];

    internal static string NameOf(SampleLog sample, string which)
    {
        var segments = sample.Files.Keys.Where(name => LogFiles.SegmentNumber(name) is not null).Order(StringComparer.Ordinal).ToList();
        return which switch { "first" => segments[0], "middle" => segments[segments.Count / 2], "last" => segments[^1], _ => which };
    }

    private static async Task Check(SampleLog sample, List<Harm> harms, string what)
    {
        var files = harms.Aggregate(sample.Files, (harmed, harm) => harm.On(harmed));
        var device = SampleLog.Device(files);
        var inspected = Inspect(device);
        var refused = Refusal(device, out var shown);
        if (refused is null)
        {
            shown.ShouldBe(sample.Records.Take(IsEndProved(sample, harms) ? sample.Records.Count : shown.Count), what);
            inspected.ShouldNotBeNull(what).Damage.ShouldBeEmpty(what);
        }
        else
        {
            harms.ShouldContain(harm => refused.Message.Contains(harm.File, StringComparison.Ordinal) || Neighbours(harm.File).Any(name => refused.Message.Contains(name, StringComparison.Ordinal)), what + ": " + refused.Message);
            inspected?.Damage.ShouldNotBeEmpty(what);
            foreach (var (name, bytes) in files)
            {
                device.Files[name].AsSpan().SequenceEqual(bytes).ShouldBeTrue($"{what}: refusing changed {name}");
            }
        }

        CheckQuickOpening(sample, files, refused is not null, what);
        await CheckSkipping(sample, files, refused, IsEndProved(sample, harms), what);
    }

    /// <summary>An opening that reads only the ends of sealed segments leaves the rest to whoever reads it; nobody sees anything wrong.</summary>
    private static void CheckQuickOpening(SampleLog sample, Dictionary<string, byte[]> files, bool refused, string what)
    {
        var seen = new List<Seen>();
        var collect = new Collect(seen);
        try
        {
            var log = LogTestKit.Open(Options with { Verification = LogVerification.LastSegment }, SampleLog.Device(files));
            log.Read(new LogSequence(0), LogTestKit.End, ref collect, Token);
            refused.ShouldBeFalse(what);
        }
        catch (LogCorruptException)
        {
            refused.ShouldBeTrue(what);
        }

        seen.ShouldBe(sample.Records.Take(seen.Count), what);
    }

    private static bool IsEndProved(SampleLog sample, List<Harm> harms) => !harms.Any(harm => harm.File == LogFiles.DurableMark) || !harms.Any(harm => harm.File == NameOf(sample, "last"));

    /// <summary>Null when there is nothing to inspect by.</summary>
    private static LogReport? Inspect(FaultyLogDevice device)
    {
        try
        {
            return LogInspection.Run(SampleLog.Directory, device, LogVerification.All, cancellationToken: Token);
        }
        catch (LogIncompatibleException)
        {
            return null;
        }
    }

    private static LogCorruptException? Refusal(FaultyLogDevice device, out List<Seen> shown)
    {
        shown = [];
        try
        {
            // Closed by nobody: a reading that leaves the files as they are.
            shown = LogTestKit.Open(Options, device).ReadAll();
            return null;
        }
        catch (LogCorruptException refused)
        {
            return refused;
        }
    }

    /// <summary>Damage to one segment may first be noticed at the next, and the manifest's at a segment that it no longer names.</summary>
    private static IEnumerable<string> Neighbours(string file) =>
        LogFiles.SegmentNumber(file) is { } number ? [LogFiles.Segment(number + 1), LogFiles.Segment(number - 1)] : [];

    private static async Task CheckSkipping(SampleLog sample, Dictionary<string, byte[]> files, LogCorruptException? refused, bool isEndProved, string what)
    {
        var device = SampleLog.Device(files);
        List<Seen> kept;
        List<LogDamage> gaps;
        Seen added;
        await using (var log = Skipping(device, what))
        {
            (log.Losses is null).ShouldBe(refused is null, what);
            kept = log.ReadAll(log.FirstSequence.Value);
            gaps = [.. log.KnownGaps];
            var written = isEndProved ? sample.Records : [.. sample.Records.Where(record => record.Sequence <= log.DurableSequence.Value)];
            CheckKept(written, Path.Combine(SampleLog.Directory, NameOf(sample, "last")), log, kept, gaps, what);
            CheckLookups(written, log, kept, what);
            var receipt = await log.Append((0, "goes on"), (1, "as well"));
            added = log.ReadAll(receipt.First.Value)[0];
            added.Sequence.ShouldBeGreaterThanOrEqualTo(written.Count, what);
            added.Offset.ShouldBeGreaterThan(written.Where(record => record.Partition == 0).Max(record => record.Offset), what);
            log.DurableOffset(new PartitionId(1)).Value.ShouldBeGreaterThan(written.Where(record => record.Partition == 1).Max(record => record.Offset), what);
        }

        CheckFilesStay(device, files, isEndProved ? sample.Files[NameOf(sample, "last")].Length : 0, what);
        foreach (var verification in new[] { LogVerification.All, LogVerification.LastSegment })
        {
            await using var again = LogTestKit.Open(Options with { Verification = verification }, device);
            again.KnownGaps.Select(gap => gap.ToString()).ShouldBe(gaps.Select(gap => gap.ToString()), what);
            again.ReadAll(again.FirstSequence.Value).ShouldBe([.. kept, added, added with { Sequence = added.Sequence + 1, Partition = 1, Offset = again.DurableOffset(new PartitionId(1)).Value, Payload = "as well" }], what);
        }

        var report = Inspect(device).ShouldNotBeNull(what);
        report.Damage.ShouldBeEmpty(what);
        report.KnownGaps.Length.ShouldBe(gaps.Count, what);
        report.FormatVersion.ShouldBe(gaps.Count == 0 ? 1 : 2, what);
    }

    private static EventLog Skipping(FaultyLogDevice device, string what)
    {
        try
        {
            return LogTestKit.Open(Options with { Recovery = DamageRecovery.Skip }, device);
        }
        catch (LogException e)
        {
            throw new InvalidOperationException($"{what}: {e.Message}", e);
        }
    }

    /// <summary>What is shown is what was written, at its old place; what is not shown is reported, and nothing else is.</summary>
    private static void CheckKept(List<Seen> written, string last, EventLog log, List<Seen> kept, List<LogDamage> gaps, string what)
    {
        kept.ShouldBe(written.Where(record => kept.Any(seen => seen.Sequence == record.Sequence)), what);
        kept.Select(seen => seen.Sequence).ShouldBeInOrder();
        var shown = kept.Select(seen => seen.Sequence).ToHashSet();
        foreach (var record in written)
        {
            var reported = gaps.Any(gap => gap.First.Value <= record.Sequence && record.Sequence < gap.Next.Value) || (record.Sequence < log.FirstSequence.Value && log.Losses is not null);
            reported.ShouldBe(!shown.Contains(record.Sequence), $"{what}: record {record.Sequence}");
        }

        foreach (var gap in gaps)
        {
            var lost = written.Where(record => gap.First.Value <= record.Sequence && record.Sequence < gap.Next.Value).ToList();
            if (gaps.Count == 1 && gap.IsExact)
            {
                // Of a partition without a later record or a later segment nothing says how many were lost.
                var told = lost.Where(record => gap.File != last || kept.Any(later => later.Partition == record.Partition && later.Sequence >= gap.Next.Value));
                LogInspectionTests.Offsets(gap).ShouldBe(told.Select(record => (record.Partition, record.Offset)).Order(), what);
            }

            lost.ShouldAllBe(record => (gap.AfterMicros ?? 0) <= SampleLog.MicrosOf(record.Sequence) && SampleLog.MicrosOf(record.Sequence) <= (gap.BeforeMicros ?? long.MaxValue), what);
        }
    }

    private static void CheckLookups(List<Seen> written, EventLog log, List<Seen> kept, string what)
    {
        using var lookup = log.Lookup();
        var shown = kept.ToDictionary(seen => seen.Sequence);
        foreach (var record in written.Where(record => record.Sequence >= log.FirstSequence.Value))
        {
            if (shown.TryGetValue(record.Sequence, out var seen))
            {
                Seen.Of(lookup.Find(new LogSequence(record.Sequence))).ShouldBe(seen, what);
            }
            else
            {
                Should.Throw<LogGapException>(() => { lookup.Find(new LogSequence(record.Sequence)); }, what).Wanted.Value.ShouldBe(record.Sequence);
            }
        }
    }

    /// <summary>Skipping never writes to what is there: segments are as they were, and a manifest that was damaged is kept aside.</summary>
    private static void CheckFilesStay(FaultyLogDevice device, Dictionary<string, byte[]> files, int durableBytes, string what)
    {
        var last = files.Keys.Max(name => LogFiles.SegmentNumber(name) ?? 0);
        foreach (var (name, bytes) in files)
        {
            var kept = name == LogFiles.Manifest && device.Files.TryGetValue(name + ".damaged", out var aside) ? aside : device.Files[name];
            if (LogFiles.SegmentNumber(name) is { } number)
            {
                // The last segment goes on if it is sound, and what was never durable in it may be cut.
                (number == last ? kept.AsSpan().StartsWith(bytes.AsSpan(..Math.Min(bytes.Length, durableBytes))) : kept.AsSpan().SequenceEqual(bytes)).ShouldBeTrue($"{what}: skipping changed {name}");
            }
            else if (name == LogFiles.Manifest && device.Files.ContainsKey(name + ".damaged"))
            {
                kept.ShouldBe(bytes, what);
            }
        }
    }
}
