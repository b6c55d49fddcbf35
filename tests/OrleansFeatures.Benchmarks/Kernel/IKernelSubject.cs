namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>A store that takes the kernel's stream: the engine, or what it is compared with.</summary>
internal interface IKernelSubject
{
    string Name { get; }

    /// <summary>Gets ready for these events, outside the measured time: encoding a record is the gateway's work.</summary>
    void Prepare(ReadOnlySpan<KernelEvent> events);

    /// <summary>Applies what was prepared.</summary>
    void Apply();

    /// <summary>Reads the three windows' five aggregates of each of these entities as of an instant; <see cref="KernelSuite.ValuesPerRead"/> values each, NaN for null.</summary>
    void Read(ReadOnlySpan<long> keys, long asOfMicros);

    /// <summary>What the last read gave for its last key.</summary>
    ReadOnlySpan<double> LastRead { get; }
}
