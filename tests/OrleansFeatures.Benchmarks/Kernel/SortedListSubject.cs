using System.Collections.Immutable;
using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>The dictionary of sorted lists.</summary>
internal sealed class SortedListSubject(Duration retention) : IKernelSubject
{
    private static readonly ImmutableArray<long> Widths = [.. KernelDefinitions.Windows.Select(window => window.Micros)];

    private readonly SortedListStore _store = new(retention.Micros);
    private readonly double[] _values = new double[KernelSuite.ValuesPerRead];
    private KernelEvent[] _events = [];

    public string Name => "sorted lists";

    public ReadOnlySpan<double> LastRead => _values;

    public void Prepare(ReadOnlySpan<KernelEvent> events) => _events = events.ToArray();

    public void Apply()
    {
        foreach (ref readonly KernelEvent next in _events.AsSpan())
        {
            _store.Apply(next);
        }
    }

    public void Read(ReadOnlySpan<long> keys, long asOfMicros)
    {
        foreach (long key in keys)
        {
            _store.Read(key, asOfMicros, Widths.AsSpan(), _values);
        }
    }
}
