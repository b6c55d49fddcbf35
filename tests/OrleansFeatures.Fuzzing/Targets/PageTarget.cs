using System.Text;
using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Entities.Checkpoints;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Fuzzing.Engine;
using OrleansFeatures.Log;
using OrleansFeatures.Log.Snapshots;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>What a checkpoint says beside its entities: pages of event ids, producers' clocks, and the blob of its head. The first byte says which. What is read is saved as the bytes that it was read from, where one form is the only one.</summary>
internal sealed class PageTarget : FuzzTarget
{
    public override string Name => "page";

    public override IEnumerable<byte[]> Seeds()
    {
        foreach (int ids in (int[])[0, 1, 50])
        {
            var page = new StateWriter();
            IdPage.Begin(page, stream: 77);
            for (int id = 0; id < ids; id++)
            {
                IdPage.Add(page, new EventIdIndex.IdKey((ulong)id, (ulong)id * 7), EventIdIndex.IdVersion.OfBits(id * 2));
            }

            yield return [0, .. IdPage.Finish(page, newestMicros: 1_521_676_800_000_000)];
        }

        var marks = new TimeMarks();
        var saved = new StateWriter();
        marks.Save(saved);
        yield return [1, .. saved.Written];
        for (int producer = 0; producer < 5; producer++)
        {
            marks.Of(stream: 3, Encoding.UTF8.GetBytes($"till {producer}")).Add(1_521_676_800_000_000 + producer, new Domain.Events.EventTime(1_521_676_900_000_000), 1_521_676_800_000_000);
        }

        saved.Clear();
        marks.Save(saved);
        yield return [1, .. saved.Written];
        saved.Clear();
        SavedGeneration.Write(saved, generation: 4, isComplete: true);
        IntakeHistory.None(partitions: 4, TimeProvider.System).SaveCounts(saved);
        yield return [2, .. saved.Written];
        yield return [2, .. saved.Written[..^4], 1, 0, 0, 0, 7, 0, 0, 0, .. new byte[24]];
    }

    public override Verdict Run(byte[] input)
    {
        byte[] bytes = input[Math.Min(1, input.Length)..];
        try
        {
            return (input.Length == 0 ? 0 : input[0] % 3) switch { 0 => Ids(bytes), 1 => Clocks(bytes), _ => Blob(bytes) };
        }
        catch (StateFormatException wrong)
        {
            return Verdict.Refuse(wrong.Message);
        }
    }

    private static Verdict Ids(byte[] bytes)
    {
        StateReader from = IdPage.Open(bytes, out uint stream, out long newest, out int count);
        var again = new StateWriter();
        IdPage.Begin(again, stream);
        for (int left = count; left > 0; left--)
        {
            EventIdIndex.IdKey id = IdPage.Next(ref from, out EventIdIndex.IdVersion version);
            IdPage.Add(again, id, version);
        }

        from.End();
        WrongAnswerException.Unless(IdPage.Finish(again, newest).SequenceEqual(bytes), "a page of ids is saved as other bytes");
        return Verdict.Accept($"ids {Math.Min(count, 3)}");
    }

    private static Verdict Clocks(byte[] bytes)
    {
        var marks = new TimeMarks();
        var from = new StateReader(bytes);
        marks.Load(ref from);
        from.End();
        var saved = new StateWriter();
        marks.Save(saved);
        var again = new TimeMarks();
        var second = new StateReader(saved.Written);
        again.Load(ref second);
        second.End();
        marks.Tell(new StreamClocks(TimeProvider.System));
        return Verdict.Accept($"clocks {Math.Min(marks.Streams.Count(), 3)}");
    }

    private static Verdict Blob(byte[] bytes)
    {
        var head = new SnapshotHead { Fingerprint = 1, Through = LogSequence.None, Applied = [0], Blob = bytes };
        StateReader blob = SavedGeneration.Read(head, out long generation, out bool isComplete);
        IntakeHistory.None(partitions: 4, TimeProvider.System).LoadCounts(blob);
        return Verdict.Accept($"blob {isComplete} {Math.Sign(generation)}");
    }
}
