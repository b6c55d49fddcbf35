using OrleansFeatures.Gateway.Metadata;
using OrleansFeatures.Gateway.Tests.Metadata.Cases;

namespace OrleansFeatures.Gateway.Tests.Amendments;

/// <summary>On SQLite.</summary>
public sealed class PredictionTableTests : PredictionCases, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    protected override Task<MetadataDatabase> OpenAsync() => Task.FromResult<MetadataDatabase>(SqliteMetadata.Open(_folder.Path));
}
