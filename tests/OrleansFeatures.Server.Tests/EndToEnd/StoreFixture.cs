using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

/// <summary>One running store with the fraud definitions, shared by the tests of a class; each test uses keys and ids of its own.</summary>
public sealed class StoreFixture : IAsyncLifetime
{
    private readonly TempDirectory _directory = new();
    private StoreProcess? _store;

    internal StoreProcess Store => _store!;

    public async ValueTask InitializeAsync() => _store = await StoreProcess.StartAsync(_directory.File("data"));

    public async ValueTask DisposeAsync()
    {
        await _store!.DisposeAsync();
        _directory.Dispose();
    }
}
