using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Entities.Tests.Intake;

/// <summary>
/// Corrections mixed at random, compared with what they must come to: a store that got only the events as they are in the end, and a log in which every record names the
/// version before it.
/// </summary>
public sealed class CorrectionModelTests
{
    private const int Ids = 60;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Corrected_values_are_those_of_a_store_that_got_the_corrected_events_first(int seed)
    {
        await using TestStore store = await TestStore.OpenAsync(TestStore.Fraud(terminals: seed % 2 == 0));
        var random = new Random(seed);
        var model = new Dictionary<long, Value[]?>();
        for (int step = 0; step < 60; step++)
        {
            Push[] batch = [.. Enumerable.Range(0, random.Next(1, 25)).Select(_ => Draw(random))];
            CorrectionOutcome[] outcomes = await store.PushAsync(batch);
            IntakeResult[] expected = Apply(model, batch);
            outcomes.Select(outcome => outcome.Result).ShouldBe(expected, $"seed {seed}, step {step}");
            if (random.Next(12) == 0)
            {
                await store.ReopenAsync(store.Host.Catalog);
            }

            if (step == 40)
            {
                // From here on, or again, terminals are fed: what corrections did to them before is copied.
                await store.Host.ChangeCatalogAsync(TestStore.Fraud(), () => { }, TestContext.Current.CancellationToken);
            }
        }

        await CheckAsync(store, model.Values, $"seed {seed}");
        await store.ReopenAsync(store.Host.Catalog);
        await CheckAsync(store, model.Values, $"seed {seed}, restarted");
        store.Host.Status().Streams[0].Accepted.ShouldBe(model.Values.Count(fields => fields is not null), $"seed {seed}");
    }

    [Fact]
    public async Task Corrections_before_there_is_any_view_are_seen_by_views_to_come()
    {
        Catalog bare = Catalog.Compile(TestStore.Fraud().Definitions with { FeatureViews = [] }, out _)!;
        await using TestStore store = await TestStore.OpenAsync(bare);
        var random = new Random(9);
        var model = new Dictionary<long, Value[]?>();
        for (int step = 0; step < 20; step++)
        {
            Push[] batch = [.. Enumerable.Range(0, 10).Select(_ => Draw(random))];
            (await store.PushAsync(batch)).Select(outcome => outcome.Result).ShouldBe(Apply(model, batch));
        }

        await store.Host.ChangeCatalogAsync(TestStore.Fraud(), () => { }, TestContext.Current.CancellationToken);
        await CheckAsync(store, model.Values, "views came last");
    }

    [Theory]
    [InlineData(5)]
    [InlineData(6)]
    public async Task Connections_that_correct_the_same_events_at_once_never_wait_for_each_other_for_ever_and_each_sees_the_version_before_it(int seed)
    {
        await using TestStore store = await TestStore.OpenAsync();
        await Task.WhenAll(Enumerable.Range(0, 6).Select(connection => Task.Run(async () =>
        {
            var random = new Random((seed * 100) + connection);
            for (int step = 0; step < 60; step++)
            {
                Push[] batch = [.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => Draw(random, ids: 12))];
                (await store.PushAsync(batch)).ShouldAllBe(outcome => outcome.Result == IntakeResult.Accepted || outcome.Result == IntakeResult.Duplicate);
            }
        }))).WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);

        await CheckAsync(store, FinalVersions(store.Host.Catalog, await store.RecordsAsync(), $"seed {seed}"), $"seed {seed}");
    }

    [Theory]
    [InlineData(7)]
    [InlineData(8)]
    public async Task Whatever_instant_the_process_dies_at_what_was_acknowledged_is_there_and_the_rest_is_whole_events(int seed)
    {
        await using TestStore store = await TestStore.OpenAsync();
        var acknowledged = new List<(long Id, bool Deleted)>();
        using var stop = new CancellationTokenSource();
        Task pushing = Task.Run(async () =>
        {
            var random = new Random(seed);
            for (long id = 0; !stop.IsCancellationRequested; id++)
            {
                bool deleted = random.Next(2) == 0;
                await store.PushAsync(
                    CorrectionTests.Insert(id, random.Next(600), $"c{random.Next(5)}", "t1", 1), CorrectionTests.Upsert(id, random.Next(600), $"c{random.Next(5)}", "t2", 2),
                    deleted ? CorrectionTests.Delete(id) : CorrectionTests.Upsert(id, random.Next(600), $"c{random.Next(5)}", "t3", 3));
                lock (acknowledged)
                {
                    acknowledged.Add((id, deleted));
                }
            }
        }, TestContext.Current.CancellationToken);

        for (int image = 0; image < 5; image++)
        {
            List<(long Id, bool Deleted)> promised;
            do
            {
                await Task.Yield();
                lock (acknowledged)
                {
                    promised = [.. acknowledged];
                }
            }
            while (promised.Count < 20 * (image + 1));

            await using TestStore after = await store.ImageAsync();
            await after.WaitAllAppliedAsync();
            Value[]?[] versions = FinalVersions(after.Host.Catalog, await after.RecordsAsync(), $"seed {seed}, image {image}", out Dictionary<long, bool> deleted);
            foreach ((long id, bool wasDeleted) in promised)
            {
                deleted[id].ShouldBe(wasDeleted, $"seed {seed}, image {image}, id {id}");
            }

            await CheckAsync(after, versions, $"seed {seed}, image {image}");
        }

        await stop.CancelAsync();
        await pushing;
    }

    /// <summary>The store comes back with whole events, and the push that was not acknowledged may be repeated, whatever of it was in.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(20)]
    public async Task Power_lost_between_the_parts_of_a_push_is_mended_by_pushing_it_again(int firstSeed)
    {
        for (int seed = firstSeed; seed < firstSeed + 10; seed++)
        {
            var random = new Random(seed);
            var device = new FaultyLogDevice(seed) { HasDirectories = true };
            var model = new Dictionary<long, Value[]?>();
            TestStore store = await TestStore.OpenAsync(device: device);
            for (int crash = 0; crash < 4; crash++)
            {
                device.PowerLossAt = device.Operations + 1 + random.Next(40);
                Push[] unanswered = await PushUntilFailureAsync(store, random, model);
                await store.CloseAsync();
                device.RestartMachine(survival: random.NextDouble());
                await store.ReopenAsync(TestStore.Fraud());
                await store.WaitAllAppliedAsync();
                FinalVersions(store.Host.Catalog, await store.RecordsAsync(), $"seed {seed}, crash {crash}");

                await store.PushAsync(unanswered);
                Apply(model, unanswered);
                await CheckAsync(store, model.Values, $"seed {seed}, crash {crash}");
            }

            await store.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_push_that_a_full_disk_refused_gives_back_its_claims_and_goes_in_when_there_is_space()
    {
        var random = new Random(3);
        var device = new FaultyLogDevice(3) { HasDirectories = true, Capacity = 20_000 };
        var model = new Dictionary<long, Value[]?>();
        await using TestStore store = await TestStore.OpenAsync(device: device);
        for (int full = 0; full < 8; full++)
        {
            Push[] refused = await PushUntilFailureAsync(store, random, model);
            await Should.ThrowAsync<LogFullException>(() => store.PushAsync(refused));
            device.Capacity += 20_000;
            await store.PushAsync(refused);
            Apply(model, refused);
        }

        FinalVersions(store.Host.Catalog, await store.RecordsAsync(), "a disk full eight times");
        await CheckAsync(store, model.Values, "a disk full eight times");
    }

    /// <summary>Every batch that is acknowledged is in the model. Returns the first that is not.</summary>
    private static async Task<Push[]> PushUntilFailureAsync(TestStore store, Random random, Dictionary<long, Value[]?> model)
    {
        while (true)
        {
            Push[] batch = [.. Enumerable.Range(0, random.Next(1, 25)).Select(_ => Draw(random, ids: 30))];
            try
            {
                await store.PushAsync(batch);
            }
            catch (LogException)
            {
                return batch;
            }

            Apply(model, batch);
        }
    }

    private static Push Draw(Random random, int ids = Ids)
    {
        long id = random.Next(ids);
        Push insert = CorrectionTests.Insert(id, random.Next(3_600), $"c{random.Next(6)}", $"t{random.Next(4)}", random.Next(1, 40) / 4.0);
        return random.Next(4) switch
        {
            0 => CorrectionTests.Delete(id),
            1 => insert,
            _ => insert with { Operation = EventOperation.Upsert },
        };
    }

    /// <summary>What a batch comes to: its inserts first, then its corrections in their order.</summary>
    private static IntakeResult[] Apply(Dictionary<long, Value[]?> model, Push[] batch)
    {
        var results = new IntakeResult[batch.Length];
        foreach (int index in Enumerable.Range(0, batch.Length).OrderBy(index => batch[index].Operation == EventOperation.Insert ? 0 : 1).ThenBy(index => index))
        {
            Push push = batch[index];
            long id = push.Fields[0].Int64;
            bool known = model.TryGetValue(id, out Value[]? standing);
            bool changes = push.Operation switch
            {
                EventOperation.Insert => !known,
                EventOperation.Delete => !known || standing is not null,
                _ => standing is null || !standing.AsSpan().SequenceEqual(push.Fields),
            };
            results[index] = changes ? IntakeResult.Accepted : IntakeResult.Duplicate;
            if (changes)
            {
                model[id] = push.Operation == EventOperation.Delete ? null : push.Fields;
            }
        }

        return results;
    }

    private static Value[]?[] FinalVersions(Catalog catalog, List<byte[]> records, string context) => FinalVersions(catalog, records, context, out _);

    /// <summary>Walks the log: every primary must name the version that stands before it. Returns what stands in the end.</summary>
    private static Value[]?[] FinalVersions(Catalog catalog, List<byte[]> records, string context, out Dictionary<long, bool> deleted)
    {
        StreamPlan stream = catalog.Stream("transactions")!;
        bool[] texts = [.. stream.Fields.Select(_ => true)];
        var standing = new Dictionary<long, (EventVersion Version, Value[]? Fields)>();
        for (int sequence = 0; sequence < records.Count; sequence++)
        {
            EventRecord record = EventRecord.Parse(records[sequence]);
            if (!record.IsPrimary)
            {
                continue;
            }

            bool known = standing.TryGetValue(record.IdNumber, out (EventVersion Version, Value[]? Fields) before);
            if (record.Operation == EventOperation.Insert)
            {
                known.ShouldBeFalse($"{context}: record {sequence} inserts event {record.IdNumber} again");
            }
            else
            {
                record.Previous.ShouldBe(before.Fields is null ? EventVersion.None : before.Version, $"{context}: record {sequence}, {record.Operation} of event {record.IdNumber}");
            }

            var fields = new Value[stream.Fields.Length];
            record.ReadFields(stream, texts, fields);
            standing[record.IdNumber] = (new EventVersion(record.Time.Micros, sequence), record.Operation == EventOperation.Delete ? null : fields);
        }

        deleted = standing.ToDictionary(entry => entry.Key, entry => entry.Value.Fields is null);
        return [.. standing.Values.Select(version => version.Fields)];
    }

    private static async Task CheckAsync(TestStore store, IEnumerable<Value[]?> versions, string context)
    {
        await using TestStore fresh = await TestStore.OpenAsync(store.Host.Catalog);
        await fresh.PushAsync([.. versions.Where(fields => fields is not null)!]);
        string[] expected = await SnapshotAsync(fresh, history: false);
        (await SnapshotAsync(store, history: false)).ShouldBe(expected, context);
        (await SnapshotAsync(store, history: true)).ShouldBe(expected, $"{context}, from history");
    }

    private static async Task<string[]> SnapshotAsync(TestStore store, bool history)
    {
        var lines = new List<string>();
        foreach ((string entity, string prefix, int count) in (IEnumerable<(string, string, int)>)[("customer", "c", 6), ("terminal", "t", 4)])
        {
            if (store.Host.Catalog.Entity(entity) is null)
            {
                continue;
            }

            foreach (long seconds in (long[])[600, 1_800, 3_600])
            {
                FeatureRead read = store.Question(entity, TestStore.At(seconds), [.. Enumerable.Range(0, count).Select(index => $"{prefix}{index}")]);
                await (history ? store.Host.ReadHistoryAsync(read, null, TestContext.Current.CancellationToken) : store.Host.ReadAsync(read, TestContext.Current.CancellationToken));
                lines.AddRange(read.Values.Select((value, index) => $"{entity} {index} {seconds}: {value.Scalar} {string.Join("|", value.List ?? [])}"));
            }
        }

        return [.. lines];
    }
}
