using System.Text;

namespace OrleansFeatures.Log.Tests;

public sealed class LookupTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Any_record_is_found_by_its_sequence_in_any_segment_before_and_after_reopening(int seed)
    {
        using var directory = new TempDirectory();
        var random = new Random(seed);
        LogOptions options = LogTestKit.Options(directory.Path);
        List<Seen> all;
        await using (var log = LogTestKit.Open(options))
        {
            for (int batch = 0; batch < 60; batch++)
            {
                await log.Append([.. Enumerable.Range(0, random.Next(1, 60)).Select(index => (random.Next(4), $"{batch}.{index} {new string('x', random.Next(1_500))}"))]);
            }

            // Positions as the writer noted them.
            Check(log, random, all = log.ReadAll());
        }

        await using (var log = LogTestKit.Open(options))
        {
            // No positions at all, then those of a reading.
            Check(log, random, all);
            log.ReadAll().ShouldBe(all);
            Check(log, random, all);
        }

        void Check(EventLog log, Random random, List<Seen> expected)
        {
            using IRecordLookup lookup = log.Lookup();
            for (int draw = 0; draw < 300; draw++)
            {
                int at = random.Next(expected.Count);
                Seen.Of(lookup.Find(new LogSequence(at))).ShouldBe(expected[at], $"seed {seed}, sequence {at}");
            }

            Should.Throw<ArgumentOutOfRangeException>(() => { lookup.Find(new LogSequence(expected.Count)); });
        }
    }

    [Fact]
    public async Task A_record_appended_after_the_lookup_began_is_found_too()
    {
        using var directory = new TempDirectory();
        await using var log = LogTestKit.Open(LogTestKit.Options(directory.Path));
        await log.Append((0, "first"));
        using IRecordLookup lookup = log.Lookup();
        Encoding.UTF8.GetString(lookup.Find(new LogSequence(0)).Payload).ShouldBe("first");
        await log.Append((1, "second"));
        Encoding.UTF8.GetString(lookup.Find(new LogSequence(1)).Payload).ShouldBe("second");
    }

    [Fact]
    public async Task A_record_larger_than_a_read_is_found_and_so_is_what_lies_behind_it()
    {
        using var directory = new TempDirectory();
        await using var log = LogTestKit.Open(LogTestKit.Options(directory.Path, segmentBytes: 4 * 1024 * 1024));
        string large = new('y', 3 * Limits.LookupReadBytes);
        await log.Append((0, "a"), (1, large), (2, "b"));
        using IRecordLookup lookup = log.Lookup();
        Encoding.UTF8.GetString(lookup.Find(new LogSequence(2)).Payload).ShouldBe("b");
        Encoding.UTF8.GetString(lookup.Find(new LogSequence(1)).Payload).ShouldBe(large);
    }

    [Fact]
    public async Task A_damaged_record_is_not_returned()
    {
        using var directory = new TempDirectory();
        await using var log = LogTestKit.Open(LogTestKit.Options(directory.Path));
        await log.Append((0, "sound"), (1, "a record that will be damaged"));
        string segment = Directory.GetFiles(directory.Path, "segment-*.log").Single();
        using (FileStream file = new(segment, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            byte[] bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            file.Position = Encoding.Latin1.GetString(bytes).IndexOf("will be", StringComparison.Ordinal);
            file.WriteByte((byte)'W');
        }

        using IRecordLookup lookup = log.Lookup();
        Should.Throw<LogCorruptException>(() => { lookup.Find(new LogSequence(1)); });
    }
}
