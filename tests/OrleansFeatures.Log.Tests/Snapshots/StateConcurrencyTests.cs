using System.Collections.Concurrent;
using System.Text;
using OrleansFeatures.Log.Snapshots;

namespace OrleansFeatures.Log.Tests.Snapshots;

/// <summary>Readers and verifications beside checkpoints that drop the files under them, on real files.</summary>
public class StateConcurrencyTests
{
    [Fact]
    public async Task Readers_see_the_right_record_or_learn_that_it_is_gone_while_checkpoints_drop_files()
    {
        const int keys = 200;
        using var directory = new TempDirectory();
        using var store = SnapshotTestKit.Open(new FileLogDevice(), SnapshotTestKit.Options(Path.Combine(directory, "state")) with { FilesMax = 2 });
        var places = new ConcurrentDictionary<ulong, (StatePlace Place, string Value)>();
        using var done = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 3).Select(reader => Task.Run(() => ReadUntil(store, places, reader, done.Token), TestContext.Current.CancellationToken)).ToList();
        var verifier = Task.Run(() => VerifyUntil(store, done.Token), TestContext.Current.CancellationToken);
        for (var checkpoint = 0; checkpoint < 60; checkpoint++)
        {
            using var writer = store.Begin();
            for (var i = 0; i < keys / 4; i++)
            {
                var (key, value) = ((ulong)((checkpoint * 7 + i * 3) % keys), $"{checkpoint}/{i} " + new string('x', i * 50));
                places[key] = (writer.Add(key, value), value);
            }

            foreach (var victim in writer.Victims)
            {
                var listing = new Listing();
                writer.ReadEntries(victim, listing);
                foreach (var entry in listing.Entries.Where(entry => places[entry.Hash].Place == entry.Place))
                {
                    places[entry.Hash] = (writer.Copy(entry), places[entry.Hash].Value);
                }
            }

            writer.Commit(SnapshotTestKit.Head(checkpoint));
        }

        await done.CancelAsync();
        var read = await Task.WhenAll(readers);
        read.Sum().ShouldBeGreaterThan(1000);
        (await verifier).ShouldBeGreaterThan(0);
        foreach (var (key, (place, value)) in places)
        {
            store.ReadText(place).ShouldBe(value, $"key {key}");
        }
    }

    private static int ReadUntil(SnapshotStore store, ConcurrentDictionary<ulong, (StatePlace Place, string Value)> places, int seed, CancellationToken done)
    {
        var random = new Random(seed);
        byte[] buffer = [];
        var read = 0;
        while (!done.IsCancellationRequested || read < 1000)
        {
            if (!places.TryGetValue((ulong)random.Next(200), out var wanted))
            {
                continue;
            }

            try
            {
                Encoding.UTF8.GetString(store.Read(wanted.Place, StateRecordKind.Entity, ref buffer)).ShouldBe(wanted.Value);
                read++;
            }
            catch (StateGoneException)
            {
                // Its file was dropped after the place was looked up: look it up again.
            }
        }

        return read;
    }

    private static int VerifyUntil(SnapshotStore store, CancellationToken done)
    {
        var runs = 0;
        do
        {
            store.Verify(CancellationToken.None).Damage.ShouldBeEmpty();
            runs++;
        }
        while (!done.IsCancellationRequested);
        return runs;
    }
}
