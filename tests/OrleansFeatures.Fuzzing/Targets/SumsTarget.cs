using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;
using OrleansFeatures.Fuzzing.Engine;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>Saved sums of past events. What is read answers every feature, goes on, and is saved as the bytes it was read from.</summary>
internal sealed class SumsTarget : FuzzTarget
{
    private const long Hop = 3_600_000_000;
    private const long Start = 1_521_676_800_000_000;
    private readonly RowLayout[] _layouts;
    private readonly RowReader[] _readers;
    private readonly EventRecordWriter _writer = new();
    private readonly StateWriter _saved = new();

    public SumsTarget()
    {
        var memory = new StateMemory();
        _layouts = [.. Examples.Catalog.Entities.SelectMany(entity => entity.Timelines).Select(timeline => new RowLayout(timeline, memory))];
        _readers = [.. _layouts.Select(layout => new RowReader(layout))];
    }

    public override string Name => "sums";

    public override IEnumerable<byte[]> Seeds()
    {
        for (int timeline = 0; timeline < _layouts.Length; timeline++)
        {
            foreach (int rows in (int[])[1, 20, 400])
            {
                var past = new PastEvents();
                past.Compact(Start + (3 * Hop), Start - 1);
                for (int row = 0; row < rows; row++)
                {
                    past.Take(_layouts[timeline], Row(timeline, row), toBucket: true);
                }

                if (rows == 20)
                {
                    past.Forget(_layouts[timeline], Start + Hop);
                }

                _saved.Clear();
                past.Save(_saved);
                yield return [(byte)timeline, .. _saved.Written];
            }
        }
    }

    public override Verdict Run(byte[] input)
    {
        int timeline = input.Length == 0 ? 0 : input[0] % _layouts.Length;
        RowLayout layout = _layouts[timeline];
        ReadOnlySpan<byte> bytes = input.AsSpan(Math.Min(1, input.Length));
        PastEvents past;
        try
        {
            var from = new StateReader(bytes);
            past = PastEvents.Load(ref from, layout);
            from.End();
        }
        catch (StateFormatException wrong)
        {
            return Verdict.Refuse(wrong.Message);
        }

        _saved.Clear();
        past.Save(_saved);
        WrongAnswerException.Unless(_saved.Written.SequenceEqual(bytes), "what was read is saved as other bytes");
        string answers = Answers(past, layout);
        past.Add(layout, Row(timeline, 5));
        past.Shrink(layout, past.Bytes / 2);
        past.Forget(layout, Start + Hop);
        Answers(past, layout);
        return Verdict.Accept($"{timeline} {answers}");
    }

    private static string Answers(PastEvents past, RowLayout layout)
    {
        var answers = new char[layout.Plan.Features.Length];
        for (int index = 0; index < answers.Length; index++)
        {
            FeaturePlan feature = layout.Plan.Features[index];
            bool isLifetime = feature.Window.Window.Kind == WindowKind.Lifetime;
            long through = Start + (5 * Hop);
            long after = isLifetime ? long.MinValue : Start;
            var range = new WindowRange(Coverage.Summed, default, default, after, new Domain.Aggregates.WindowSpan(through, isLifetime ? Domain.Aggregates.WindowSpan.NoStart : after, through));
            answers[index] = (char)('0' + (int)past.Read(feature, range, new TimelineReader(default, layout, EventTime.Never.Micros), layout, EventTime.Never).Status);
        }

        return new string(answers);
    }

    private long[] Row(int timeline, int number)
    {
        StreamPlan stream = _layouts[timeline].Plan.Stream;
        Value[] fields = Examples.Event(stream, number);
        fields[stream.TimePosition] = Value.Of(new EventTime(Start + 1 + (number * 20_000_000L)));
        _writer.WriteBody(stream, stream.Versions[^1], fields, new EventArrival(new EventTime(Start), Start, EventOperation.Insert, EventVersion.None), default);
        _writer.WriteHistoryHead();
        byte[] record = [.. _writer.Head, .. _writer.Body];
        EventRecord parsed = EventRecord.Parse(record);
        return _readers[timeline].Read(parsed).ToArray();
    }
}
