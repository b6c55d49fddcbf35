namespace OrleansFeatures.Simulation.Running;

/// <summary>What has happened: the last of it in words, all of it as one number. Two runs of one seed must have the same number.</summary>
internal sealed class Trace
{
    private readonly Queue<string> _last = new();
    private readonly List<string> _faults = [];

    public ulong Hash { get; private set; } = 14_695_981_039_346_656_037;

    public long Count { get; private set; }

    public void Note(string what)
    {
        foreach (char letter in what)
        {
            Hash = (Hash ^ letter) * 1_099_511_628_211; // FNV-1a: string.GetHashCode differs from process to process.
        }

        Count++;
        _last.Enqueue($"{Count,6}  {what}");
        if (_last.Count > Bounds.TraceLinesKept)
        {
            _last.Dequeue();
        }
    }

    /// <summary>Something that the simulation did to the store.</summary>
    public void Fault(string what)
    {
        _faults.Add($"{Count,6}  {what}");
        Note(what);
    }

    public override string ToString() =>
        $"faults:{Environment.NewLine}{string.Join(Environment.NewLine, _faults)}{Environment.NewLine}last steps:{Environment.NewLine}{string.Join(Environment.NewLine, _last)}";
}

/// <summary>The store has broken a promise.</summary>
internal sealed class ViolationException(string what) : Exception(what);
