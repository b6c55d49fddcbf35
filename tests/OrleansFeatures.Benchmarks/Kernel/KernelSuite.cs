using OrleansFeatures.Domain.Definitions;

namespace OrleansFeatures.Benchmarks.Kernel;

/// <summary>
/// Takes one subject through one workload:
/// <code>
///   fill: two days, so that everything kept is full and old events leave as new ones come        not measured; the code becomes warm
///   rounds of 100,000 events: prepare | apply                                                    measured: apply
///   rounds of 1,000 events: prepare | apply | read the entity of each                            measured: read, folds cold
///   rounds of 10,000 reads of entities at random                                                 measured: read, memory cold
/// </code>
/// </summary>
internal sealed class KernelSuite(KernelWorkload workload)
{
    public const int ValuesPerRead = 15;
    public const int BlockEvents = 100_000;
    private const int ReadAfterEvents = 1_000;
    private const int RandomReads = 10_000;
    private const int UpdateRounds = 30;
    private const int ReadAfterRounds = 200;
    private const int RandomReadRounds = 20;
    private const double FillDays = 2.2;

    private readonly KernelEvent[] _block = new KernelEvent[BlockEvents];
    private readonly KernelEvents _events = new(workload);

    public Rounds Updates { get; } = new();

    public Rounds ReadsAfterUpdate { get; } = new();

    public Rounds RandomReadsOf { get; } = new();

    public long StreamTimeMicros => _events.StreamTimeMicros;

    public void Run(IKernelSubject subject)
    {
        for (long filled = 0; filled < workload.EventsPerDay * FillDays; filled += BlockEvents)
        {
            Apply(subject, BlockEvents, null);
        }

        for (int round = 0; round < UpdateRounds; round++)
        {
            Apply(subject, BlockEvents, Updates);
        }

        var keys = new long[RandomReads];
        for (int round = 0; round < ReadAfterRounds; round++)
        {
            Apply(subject, ReadAfterEvents, null);
            for (int index = 0; index < ReadAfterEvents; index++)
            {
                keys[index] = _block[index].Key;
            }

            ReadsAfterUpdate.Time(ReadAfterEvents, () => subject.Read(keys.AsSpan(0, ReadAfterEvents), StreamTimeMicros));
        }

        for (int round = 0; round < RandomReadRounds; round++)
        {
            FillKeys(keys, uniform: true);
            RandomReadsOf.Time(RandomReads, () => subject.Read(keys, StreamTimeMicros));
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
