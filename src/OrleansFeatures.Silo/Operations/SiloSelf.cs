using OrleansFeatures.Gateway;

namespace OrleansFeatures.Silo.Operations;

/// <summary>What this silo knows of itself: name, build, addresses, readiness, its partitions. Any thread.</summary>
internal sealed class SiloSelf(SiloOptions options, ServerLife life, LocalPartitions owned)
{
    private volatile Tuple<Uri, Uri>? _addresses;

    public SiloOptions Options => options;

    /// <summary>The gateway listens, where its clients find it.</summary>
    public void Listening(Uri grpc, Uri http) => _addresses = Tuple.Create(grpc, http);

    public SiloReport Report() => new()
    {
        Name = options.Name,
        Build = Versions.Build,
        InterfaceVersion = Versions.InterfaceVersion,
        NotReadyBecause = life.NotReadyBecause,
        MemoryBytes = owned.MemoryBytes,
        MemoryBudgetBytes = options.MemoryBudgetBytes,
        Grpc = AddressOf(_addresses?.Item1),
        Http = AddressOf(_addresses?.Item2),
        Partitions = owned.Report(),
    };

    /// <summary>A listener on every address is found where the silo is.</summary>
    private string AddressOf(Uri? listener) => listener is null ? "" : new UriBuilder(listener) { Host = options.Advertised.ToString() }.Uri.GetLeftPart(UriPartial.Authority);
}
