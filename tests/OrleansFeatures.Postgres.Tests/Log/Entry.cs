using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres.Log;
using Xunit;

namespace OrleansFeatures.Postgres.Tests.Log;

/// <summary>One silo's entry to the log: a store, an intake and a log of its own, as in a process of its own.</summary>
internal sealed class Entry : IAsyncDisposable
{
    private Entry(PostgresStore store, EventIntake intake, PostgresLog log) => (Store, Intake, Log) = (store, intake, log);

    public PostgresStore Store { get; }

    public EventIntake Intake { get; }

    public PostgresLog Log { get; }

    public Catalog Catalog { get; set; } = Transactions.Catalog();

    public static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static async Task<Entry> OpenAsync(PostgresOptions options, TimeProvider? time = null, Presence? presence = null, ILogger? logger = null)
    {
        PostgresStore store = await PostgresStore.OpenAsync(options, time ?? TimeProvider.System, NullLogger.Instance, Cancelled);
        var intake = new EventIntake(new PartitionMap(options.PartitionCount), time ?? TimeProvider.System);
        PostgresLog log = await PostgresLog.StartAsync(store, intake, presence ?? EverybodyCan, time ?? TimeProvider.System, logger ?? NullLogger.Instance, Cancelled);
        return new Entry(store, intake, log);
    }

    /// <summary>Entities that keep every event as itself.</summary>
    public static Task<IReadOnlyList<bool>> EverybodyCan(IReadOnlyList<PresenceQuestion> questions, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<bool>>([.. questions.Select(_ => true)]);

    public IntakeBatch Batch(params Push[] events)
    {
        IntakeBatch batch = Intake.BeginDeferred(Catalog, new MemoryStream());
        foreach (Push push in events)
        {
            push.AddTo(batch);
        }

        return batch;
    }

    /// <summary>Appends events as one batch; what became of each.</summary>
    public async Task<CorrectionOutcome[]> PushAsync(params Push[] events) => (await PushWithPositionsAsync(events)).Outcomes;

    public async Task<(CorrectionOutcome[] Outcomes, SortedDictionary<int, long> Positions)> PushWithPositionsAsync(params Push[] events)
    {
        using IntakeBatch batch = Intake.BeginDeferred(Catalog, new MemoryStream());
        CorrectionOutcome[] outcomes = [.. events.Select(push => push.AddTo(batch))];
        await Log.AppendAsync(batch, wait: true, Cancelled);
        return ([.. outcomes.Select(outcome => outcome.Result == IntakeResult.Pending ? batch.Corrections[outcome.Note.Correction] : outcome)], batch.Positions());
    }

    public async Task<IntakeResult[]> ResultsAsync(params Push[] events) => [.. (await PushAsync(events)).Select(outcome => outcome.Result)];

    /// <summary>Pushes until it is acknowledged: as a client does whose connection, or whose server's, is lost now and then.</summary>
    public async Task<CorrectionOutcome[]> PushUntilTakenAsync(params Push[] events)
    {
        while (true)
        {
            try
            {
                return await PushAsync(events);
            }
            catch (LogException)
            {
                await Task.Yield();
            }
        }
    }

    /// <summary>Every record of the log in order.</summary>
    public List<byte[]> Records()
    {
        var records = new Collect([], []);
        Log.Read(Log.FirstSequence, Log.DurableSequence, ref records, Cancelled);
        return records.Payloads;
    }

    /// <summary>Every record's frame, by partition and offset, as history reads give them.</summary>
    public List<byte[]>[] FramesByPartition()
    {
        var records = new Collect([], []);
        Log.Read(Log.FirstSequence, Log.DurableSequence, ref records, Cancelled);
        var frames = Enumerable.Range(0, Log.PartitionCount).Select(_ => new List<byte[]>()).ToArray();
        foreach ((int partition, byte[] frame) in records.Frames)
        {
            frames[partition].Add(frame);
        }

        return frames;
    }

    /// <summary>Waits until this entry knows of a sequence.</summary>
    public async Task KnowAsync(LogSequence sequence)
    {
        IReadOnlyList<AppendMark> marks;
        while (Log.DurableSequence.CompareTo(sequence) < 0)
        {
            marks = await Log.ReadMarksAsync(Log.DurableSequence, Cancelled);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Log.DisposeAsync();
        await Store.DisposeAsync();
    }

    private readonly record struct Collect(List<byte[]> Payloads, List<(int Partition, byte[] Frame)> Frames) : ILogVisitor
    {
        public bool Visit(LogRecord record)
        {
            Payloads.Add(record.Payload.ToArray());
            Frames.Add((record.Partition.Value, record.Frame.ToArray()));
            return true;
        }
    }
}
