using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>How long a suite takes: what is filled in, and how many rounds of what size are measured.</summary>
internal sealed record KernelEffort(long FillEvents, int EventsPerRound, int UpdateRounds, int ReadsPerRound, int ReadAfterRounds, int RandomReads, int RandomReadRounds)
{
    /// <summary>Two days are filled in, which is what is kept, and some hours, so that the measured events drive others out.</summary>
    public static KernelEffort Full(KernelWorkload workload) => new((long)(workload.EventsPerDay * 2.2), KernelSuite.BlockEvents, 30, 1_000, 200, 10_000, 20);

    /// <summary>As much, but few reads: each may take milliseconds.</summary>
    public static KernelEffort FewReads(KernelWorkload workload) => Full(workload) with { ReadsPerRound = 100, ReadAfterRounds = 20, RandomReads = 500, RandomReadRounds = 5 };

    /// <summary>So many events and no filling, for what is a hundred times slower.</summary>
    public static KernelEffort Brief(int events) => new(0, events / 20, 20, 50, 10, 200, 5);
}

/// <summary>
/// Takes one subject through one workload:
/// <code>
///   fill: two days, so that everything kept is full and old events leave as new ones come        not measured; the code becomes warm
///   rounds of 100,000 events: prepare | apply                                                    measured: apply
///   rounds of some events: prepare | apply | read the entity of each                            measured: read, folds cold
///   rounds of reads of entities at random                                                 measured: read, memory cold
/// </code>
/// </summary>
internal sealed class KernelSuite(KernelWorkload workload, KernelEffort effort)
{
    public const int ValuesPerRead = 15;
    public const int BlockEvents = 100_000;

    private readonly KernelEvent[] _block = new KernelEvent[BlockEvents];
    private readonly KernelEvents _events = new(workload);

    public Rounds Updates { get; } = new();

    public Rounds ReadsAfterUpdate { get; } = new();

    public Rounds RandomReadsOf { get; } = new();

    public long StreamTimeMicros => _events.StreamTimeMicros;

    public void MeasureUpdates(IKernelSubject subject)
    {
        for (long filled = 0; filled < effort.FillEvents; filled += BlockEvents)
        {
            Apply(subject, BlockEvents, null);
        }

        for (int round = 0; round < effort.UpdateRounds; round++)
        {
            Apply(subject, effort.EventsPerRound, Updates);
        }
    }

    /// <summary>After the updates.</summary>
    public void MeasureReads(IKernelSubject subject)
    {
        var keys = new long[Math.Max(effort.RandomReads, effort.ReadsPerRound)];
        for (int round = 0; round < effort.ReadAfterRounds; round++)
        {
            Apply(subject, effort.ReadsPerRound, null);
            for (int index = 0; index < effort.ReadsPerRound; index++)
            {
                keys[index] = _block[index].Key;
            }

            ReadsAfterUpdate.Time(effort.ReadsPerRound, () => subject.Read(keys.AsSpan(0, effort.ReadsPerRound), StreamTimeMicros));
        }

        for (int round = 0; round < effort.RandomReadRounds; round++)
        {
            FillKeys(keys, uniform: true);
            RandomReadsOf.Time(effort.RandomReads, () => subject.Read(keys.AsSpan(0, effort.RandomReads), StreamTimeMicros));
        }
    }

    /// <summary>What subjects are compared by: the values of some entities, hot ones among them.</summary>
    public static double[] Answers(KernelWorkload workload, IKernelSubject subject, long asOfMicros, int count)
    {
        var keys = new KernelEvents(workload);
        var answers = new double[count * ValuesPerRead];
        for (int index = 0; index < count; index++)
        {
            subject.Read([keys.AnyKey(uniform: index % 2 == 0)], asOfMicros);
            subject.LastRead.CopyTo(answers.AsSpan(index * ValuesPerRead));
        }

        return answers;
    }

    /// <summary>Values that differ by more than the rounding of a plain sum.</summary>
    public static int Differing(double[] left, double[] right)
    {
        const double tolerance = 1e-9;
        int differing = 0;
        for (int index = 0; index < left.Length; index++)
        {
            bool same = double.IsNaN(left[index]) ? double.IsNaN(right[index]) : Math.Abs(left[index] - right[index]) <= tolerance * Math.Max(1, Math.Abs(right[index]));
            differing += same ? 0 : 1;
        }

        return differing;
    }

    private void Apply(IKernelSubject subject, int events, Rounds? measured)
    {
        Span<KernelEvent> block = _block.AsSpan(0, events);
        _events.Next(block);
        subject.Prepare(block);
        if (measured is null)
        {
            subject.Apply();
        }
        else
        {
            measured.Time(events, subject.Apply);
        }
    }

    private void FillKeys(long[] keys, bool uniform)
    {
        for (int index = 0; index < keys.Length; index++)
        {
            keys[index] = _events.AnyKey(uniform);
        }
    }
}
