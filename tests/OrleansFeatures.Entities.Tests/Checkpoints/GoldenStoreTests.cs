using System.Runtime.CompilerServices;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Tests.Checkpoints;

/// <summary>
/// A whole store as the first version with checkpoints wrote it: log, entities, parts, ids, clocks. Every later version opens it, finds the same values, and does not replay what the checkpoint holds. A change of a format
/// leaves these files alone and adds others beside them.
/// </summary>
public sealed class GoldenStoreTests
{
    private const int Events = 5_000;

    [Fact]
    public async Task The_store_that_the_first_version_wrote_opens_and_answers()
    {
        await using TestStore store = await TestStore.OpenAsync(configure: options => options with { CheckpointOnClose = false });
        await store.CloseAsync();
        Directory.Delete(store.LogDirectory, recursive: true);
        foreach (string file in Directory.GetFiles(Place(), "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(store.LogDirectory, Path.GetRelativePath(Place(), file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        await store.ReopenAsync(Transactions.Catalog(window: "2h"));
        HostStatus status = store.Host.Status();
        status.Checkpoints.Through.ShouldBe((2 * Events) - 1, "the state was built anew instead of being read");
        status.Partitions.Sum(partition => partition.Entities).ShouldBe(5);
        status.Streams[0].Accepted.ShouldBe(Events + 1);
        status.Partitions.Sum(partition => partition.Awake).ShouldBe(2, "only who has a record behind the checkpoint");

        // Ann is dense, in two blocks; zoe has one event, behind the checkpoint.
        (await store.ReadAsync("customer", "ann", Transactions.At(Events)))["count"].Scalar.ShouldBe(Value.Of(Events - 1L));
        (await store.ReadAsync("customer", "ann", Transactions.At(Events)))["sum"].Scalar.ShouldBe(Value.Of(Enumerable.Range(0, Events).Where(id => id != 7).Sum(id => (id % 100) + 0.5)));
        (await store.ReadAsync("customer", "zoe", Transactions.At(Events)))["count"].Scalar.ShouldBe(Value.Of(1L));
        (await store.ReadAsync("terminal", "t1", Transactions.At(Events)))["last3"].List!.Count().ShouldBe(3);
        (await store.PushAsync(Transactions.Of(9, 9, "ann", "t1", 1), Transactions.Of(90_000, 9, "zoe", "t2", 1))).ShouldAllBe(result => result == IntakeResult.Duplicate);
    }

    /// <summary>Only for a new version of a format, into a directory of its own: <c>-explicit only</c>.</summary>
    [Fact(Explicit = true)]
    public async Task Write_it()
    {
        await using TestStore store = await TestStore.OpenAsync(Transactions.Catalog(window: "2h"), configure: options => options with { CheckpointOnClose = false });
        await store.PushAsync([.. Enumerable.Range(0, Events).Select(id => Transactions.Of(id, id, id == 7 ? "bob" : "ann", "t1", (id % 100) + 0.5))]);
        await store.Host.CheckpointAsync(TestContext.Current.CancellationToken);
        await store.PushAsync(Transactions.Of(90_000, 9, "zoe", "t2", 1));
        await store.CloseAsync();
        foreach (string file in Directory.GetFiles(store.LogDirectory, "*", SearchOption.AllDirectories).Where(file => !file.EndsWith(".lock", StringComparison.Ordinal)))
        {
            string copy = Path.Combine(Place(), Path.GetRelativePath(store.LogDirectory, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy, overwrite: true);
        }
    }

    private static string Place([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "..", "Golden", "store-version-1");
}
