using System.Globalization;
using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;
using OrleansFeatures.Entities;
using OrleansFeatures.Fuzzing.Engine;
using OrleansFeatures.Log;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>
/// Saved entities: the first byte chooses the type, an archive holds the head and, by number, the parts of a large one. What is read answers every feature, is saved and read again as the same, takes further events, and gives
/// all its memory back; so does what is refused.
/// </summary>
internal sealed class EntityTarget : FuzzTarget
{
    private const string Head = "head";
    private const long Start = 1_521_676_800_000_000;
    private readonly StateMemory _memory = new();
    private readonly EntityLayout[] _layouts;
    private readonly EventRecordWriter _writer = new();
    private readonly WindowScratch _scratch = new();

    public EntityTarget() => _layouts = [.. Examples.Catalog.Entities.Select(entity => new EntityLayout(entity, _memory))];

    public override string Name => "entity";

    public override int InputBytesMax => 160 * 1024;

    public override long AllocationMax(int length) => (4 * Limits.AllocationBase) + (length * 1_000L);

    public override IEnumerable<byte[]> Seeds()
    {
        foreach ((int rows, int compacted) in ((int, int)[])[(0, 0), (1, 0), (30, 0), (200, 0), (200, 1), (4_300, 0)])
        {
            for (int type = 0; type < _layouts.Length; type++)
            {
                var actor = new EntityActor(_layouts[type], "key"u8);
                Feed(actor, type, rows);
                if (compacted > 0)
                {
                    EntityActor small = SmallOf(type, rows);
                    yield return Save(small, type);
                    small.Release();
                }

                yield return Save(actor, type);
                actor.Release();
            }
        }
    }

    public override byte[]? Mutate(byte[] input, Random random, IReadOnlyList<byte[]> corpus) => ArchiveMutation.Of(input, random, corpus, Tokens) is { } mutated ? [input[0], .. mutated[1..]] : null;

    public override Verdict Run(byte[] input)
    {
        int type = input.Length == 0 ? 0 : input[0] % _layouts.Length;
        Dictionary<string, byte[]> files = FileArchive.Read(input.AsSpan(Math.Min(1, input.Length)));
        try
        {
            EntityActor actor = Load(type, files);
            string answers = Answers(actor, type);
            byte[] again = Save(actor, type);
            EntityActor twin = Load(type, FileArchive.Read(again.AsSpan(1)));
            WrongAnswerException.Unless(Answers(twin, type) == answers, "saved and read again, an entity answers otherwise");
            if (!actor.IsFaulted)
            {
                Feed(actor, type, 3);
            }

            string kind = $"{type} {Math.Min(actor.EventCount, 70) / 8} {answers[..Math.Min(answers.Length, 30)]}";
            twin.Release();
            actor.Release();
            RequireNothingHeld();
            return Verdict.Accept(kind);
        }
        catch (StateFormatException wrong)
        {
            RequireNothingHeld();
            return Verdict.Refuse(wrong.Message);
        }
    }

    /// <summary>Texts that a released entity's rows name no more leave with it, and so do rows and sums.</summary>
    private void RequireNothingHeld() => WrongAnswerException.Unless(
        _memory.RowBytes == 0 && _memory.SummaryBytes == 0 && _memory.TextsInUse == 0, $"{_memory.RowBytes} bytes of rows, {_memory.SummaryBytes} of sums and {_memory.TextsInUse} texts are held by nobody");

    private EntityActor Load(int type, Dictionary<string, byte[]> files) => EntityActor.Load(
        _layouts[type],
        files.GetValueOrDefault(Head, []),
        new LoadedParts(place => files.TryGetValue(place.ToString(CultureInfo.InvariantCulture), out byte[]? part) ? part : throw new StateFormatException("a part is missing")));

    private static byte[] Save(EntityActor actor, int type)
    {
        var files = new Dictionary<string, byte[]>();
        var parts = new SavedParts(part =>
        {
            files.Add((files.Count + 1).ToString(CultureInfo.InvariantCulture), part.ToArray());
            return (ulong)files.Count;
        });
        var head = new StateWriter();

        // An entity that was loaded has parts that lie elsewhere; here they are wanted again.
        actor.MoveParts(_ => true);
        actor.Save(head, parts);
        parts.Commit();
        files.Add(Head, head.Written.ToArray());
        return [(byte)type, .. FileArchive.Of(files)];
    }

    private string Answers(EntityActor actor, int type)
    {
        if (actor.IsFaulted)
        {
            return "faulted";
        }

        EntityRead read = Examples.Catalog.AllOf(_layouts[type].Plan.Name)!.Entities[0];
        var values = new FeatureValue[read.Plan.FeatureCount];
        var answers = new List<string>();
        foreach ((long asOf, long knownAt) in ((long, long)[])[(Start + 600_000_000, long.MaxValue), (Start + 90_000_000, Start + 50_000_000)])
        {
            actor.Read(read.Plan, new EventTime(asOf), new EventTime(knownAt), values, _scratch);
            answers.AddRange(values.Select(value => $"{(int)value.Status}"));
            answers.AddRange(values.Select(value => $"{value.Scalar.Type}{value.Scalar.Bits}{value.Scalar.Text}{string.Join(';', (value.List ?? []).Select(element => $"{element.Bits}{element.Text}"))}"));
        }

        return string.Concat(answers);
    }

    /// <summary>One whose budget is so small that most of its events are sums.</summary>
    private EntityActor SmallOf(int type, int rows)
    {
        var layout = new EntityLayout(_layouts[type].Plan, _memory, forgets: true, entityBudgetBytes: 2_000);
        var actor = new EntityActor(layout, "small"u8);
        Feed(actor, type, rows);
        return actor;
    }

    private void Feed(EntityActor actor, int type, int rows)
    {
        for (int timeline = 0; timeline < _layouts[type].Plan.Timelines.Length; timeline++)
        {
            StreamPlan stream = _layouts[type].Plan.Timelines[timeline].Stream;
            for (int row = 0; row < rows; row++)
            {
                Value[] fields = Examples.Event(stream, row);
                fields[stream.TimePosition] = Value.Of(new EventTime(Start + (row * 3_000_000L)));
                _writer.WriteBody(stream, stream.Versions[^1], fields, new EventArrival(new EventTime(Start + (row * 3_000_000L)), Start, EventOperation.Insert, EventVersion.None), default);
                _writer.WriteHistoryHead();
                byte[] record = [.. _writer.Head, .. _writer.Body];
                actor.Apply(timeline, EventRecord.Parse(record), new LogOffset(Math.Max(actor.StateVersion, 0)));
            }
        }
    }
}
