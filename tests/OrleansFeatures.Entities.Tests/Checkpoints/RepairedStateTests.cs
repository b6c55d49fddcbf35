using Microsoft.Extensions.Logging;
using OrleansFeatures.Entities.Checkpoints;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Tests.Checkpoints;

/// <summary>What the state's files make good by themselves is said.</summary>
public sealed class RepairedStateTests
{
    [Fact]
    public async Task A_damaged_copy_of_the_manifest_costs_nothing_but_a_warning_that_names_it()
    {
        await using TestStore store = await TestStore.OpenAsync();
        await store.PushAsync(Transactions.Of(1, 0, "c", "t", 1));
        await store.Host.CheckpointAsync(TestContext.Current.CancellationToken);
        await store.CloseAsync();
        string manifest = Path.Combine(store.StateDirectory, "a", "state.manifest");
        byte[] bytes = await File.ReadAllBytesAsync(manifest, TestContext.Current.CancellationToken);
        var storeId = new Guid(bytes.AsSpan(16, 16)); // As docs/state-format.md has it.
        bytes[40] ^= 1;
        await File.WriteAllBytesAsync(manifest, bytes, TestContext.Current.CancellationToken);

        var said = new Collector();
        using (StateStores stores = StateStores.Open(store.StateDirectory, storeId, 8, skipDamage: false, new FileLogDevice(), TimeProvider.System, said))
        {
            stores.NewestHead.ShouldNotBeNull();
        }

        said.Lines.ShouldHaveSingleItem().ShouldContain(manifest);
        File.Exists(manifest + ".damaged-1").ShouldBeTrue();
        using StateStores again = StateStores.Open(store.StateDirectory, storeId, 8, skipDamage: false, new FileLogDevice(), TimeProvider.System, said);
        said.Lines.Count.ShouldBe(1);
    }

    private sealed class Collector : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Add(formatter(state, exception));
    }
}
