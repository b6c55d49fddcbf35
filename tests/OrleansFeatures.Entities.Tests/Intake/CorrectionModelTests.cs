using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Tests.Faults;

namespace OrleansFeatures.Entities.Tests.Intake;

/// <summary>Corrections mixed at random while the process dies, power goes and the disk fills: the values of the events as they are in the end, and a log in which every record names the version before it.</summary>
public sealed class CorrectionModelTests
{
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
                    Transactions.Insert(id, random.Next(600), $"c{random.Next(5)}", "t1", 1), Transactions.Upsert(id, random.Next(600), $"c{random.Next(5)}", "t2", 2),
                    deleted ? Transactions.Delete(id) : Transactions.Upsert(id, random.Next(600), $"c{random.Next(5)}", "t3", 3));
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
            Value[]?[] versions = CorrectionModel.FinalVersions(after.Host.Catalog, await after.RecordsAsync(), $"seed {seed}, image {image}", out Dictionary<long, bool> deleted);
            foreach ((long id, bool wasDeleted) in promised)
            {
                deleted[id].ShouldBe(wasDeleted, $"seed {seed}, image {image}, id {id}");
            }

            await CorrectionModel.CheckAsync(after, versions, $"seed {seed}, image {image}");
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
            var model = new TransactionOracle();
            TestStore store = await TestStore.OpenAsync(device: device);
            for (int crash = 0; crash < 4; crash++)
            {
                device.PowerLossAt = device.Operations + 1 + random.Next(40);
                Push[] unanswered = await PushUntilFailureAsync(store, random, model);
                await store.CloseAsync();
                device.RestartMachine(survival: random.NextDouble());
                await store.ReopenAsync(Transactions.Catalog());
                await store.WaitAllAppliedAsync();
                CorrectionModel.FinalVersions(store.Host.Catalog, await store.RecordsAsync(), $"seed {seed}, crash {crash}");

                await store.PushAsync(unanswered);
                model.Apply(store.Host.Catalog, unanswered);
                await CorrectionModel.CheckAsync(store, model, $"seed {seed}, crash {crash}");
            }

            await store.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_push_that_a_full_disk_refused_gives_back_its_claims_and_goes_in_when_there_is_space()
    {
        var random = new Random(3);
        var device = new FaultyLogDevice(3) { HasDirectories = true, Capacity = 20_000 };
        var model = new TransactionOracle();
        await using TestStore store = await TestStore.OpenAsync(device: device);
        for (int full = 0; full < 8; full++)
        {
            Push[] refused = await PushUntilFailureAsync(store, random, model);
            await Should.ThrowAsync<LogFullException>(() => store.PushAsync(refused));
            device.Capacity += 20_000;
            await store.PushAsync(refused);
            model.Apply(store.Host.Catalog, refused);
        }

        CorrectionModel.FinalVersions(store.Host.Catalog, await store.RecordsAsync(), "a disk full eight times");
        await CorrectionModel.CheckAsync(store, model, "a disk full eight times");
    }

    /// <summary>Every batch that is acknowledged is in the model. Returns the first that is not.</summary>
    private static async Task<Push[]> PushUntilFailureAsync(TestStore store, Random random, TransactionOracle model)
    {
        while (true)
        {
            Push[] batch = [.. Enumerable.Range(0, random.Next(1, 25)).Select(_ => CorrectionModel.Draw(random, ids: 30))];
            try
            {
                await store.PushAsync(batch);
            }
            catch (LogException)
            {
                return batch;
            }

            model.Apply(store.Host.Catalog, batch);
        }
    }
}
