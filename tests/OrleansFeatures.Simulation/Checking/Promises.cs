using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Simulation.Running;
using OrleansFeatures.Simulation.Workload;

namespace OrleansFeatures.Simulation.Checking;

/// <summary>
/// What the store has told one client about the events that only this client writes to: the other side of <see cref="History"/>. An event is in the state that the last acknowledged batch left
/// it in; one of a batch without an answer may be in that state or in any that the batch leads through, as whole events.
/// </summary>
internal sealed class Promises
{
    private readonly Dictionary<EventKey, Value[]?> _standing = [];
    private readonly Dictionary<EventKey, (Value[] Fields, long StreamTime, string[] Late)> _judged = [];
    private readonly HashSet<EventKey> _tried = [];

    /// <summary>What happens to an event, and what else may be answered when an earlier attempt got through without an answer.</summary>
    public void Answered(Operation operation, IntakeResult result, in IntakeNote note, bool isRetry)
    {
        EventKey id = operation.Id;
        bool known = _standing.TryGetValue(id, out Value[]? before);
        IntakeResult expected = Expected(operation, known, before);
        bool fits = result == expected
            || (result == IntakeResult.Late && expected == IntakeResult.Accepted)
            || (result == IntakeResult.Duplicate && isRetry)
            || (result == IntakeResult.Accepted && isRetry && operation.Kind != EventOperation.Insert)
            || (result == IntakeResult.Refused && operation.Kind != EventOperation.Insert && (isRetry || (known && before is not null)));
        if (!fits)
        {
            throw new ViolationException($"{operation} was answered {result} {note.Refusal?.Reason}, where {expected} was due ({(isRetry ? "a retry" : "the first attempt")}; known {known}, {(before is null ? "not standing" : "standing")})");
        }

        if (operation.Kind == EventOperation.Insert && result is IntakeResult.Accepted or IntakeResult.Late)
        {
            _judged[id] = (operation.Fields, note.StreamTimeMicros, [.. note.LateViews.ToArray().Select(late => late.View)]);
        }

        if (result != IntakeResult.Refused && (operation.Kind != EventOperation.Insert || !known))
        {
            _standing[id] = operation.Kind == EventOperation.Delete ? null : operation.Fields;
        }
    }

    /// <summary>Compares the client's events with the log's. <paramref name="open"/> is the batch that has no answer yet.</summary>
    public void Check(History history, World world, IReadOnlyList<Operation> open)
    {
        foreach (Operation operation in open.Where(operation => !SharedPromises.IsShared(operation.Id)))
        {
            _tried.Add(operation.Id);
        }

        foreach (EventKey id in _standing.Keys.Concat(_tried).Distinct())
        {
            CheckEvent(history, id, open);
        }

        foreach ((EventKey id, var judged) in _judged)
        {
            CheckLateness(history, world, id, judged.Fields, judged.StreamTime, judged.Late);
        }

        _judged.Clear();
    }

    private static IntakeResult Expected(Operation operation, bool known, Value[]? before) => operation.Kind switch
    {
        EventOperation.Insert => known ? IntakeResult.Duplicate : IntakeResult.Accepted,
        EventOperation.Delete => known && before is null ? IntakeResult.Duplicate : IntakeResult.Accepted,
        _ => before is not null && before.AsSpan().SequenceEqual(operation.Fields) ? IntakeResult.Duplicate : IntakeResult.Accepted,
    };

    private void CheckEvent(History history, EventKey id, IReadOnlyList<Operation> open)
    {
        bool inLog = history.Standing.TryGetValue(id, out var logged);
        bool known = _standing.TryGetValue(id, out Value[]? promised);
        var possible = new List<(bool Known, Value[]? Fields)> { (known, promised) };
        foreach (Operation operation in open.Where(operation => operation.Id == id && !operation.IsMalformed).OrderBy(operation => operation.Kind == EventOperation.Insert ? 0 : 1))
        {
            // A correction may have been refused, or have gone in at an earlier attempt: each state may follow from any before it.
            possible.AddRange(operation.Kind == EventOperation.Insert
                ? possible.Where(state => !state.Known).Select(_ => (true, (Value[]?)operation.Fields)).ToList()
                : [(true, operation.Kind == EventOperation.Delete ? null : operation.Fields)]);
        }

        if (!possible.Exists(state => state.Known == inLog && Same(state.Fields, logged.Fields)))
        {
            throw new ViolationException(
                $"{id} is {(inLog ? $"{Describe(logged.Fields)} in the log (record {logged.Record.Sequence})" : "not in the log")}; promised: {string.Join(" or ", possible.Select(state => state.Known ? Describe(state.Fields) : "absent"))}");
        }
    }

    /// <summary>Nothing is late silently: who was told which views refuse the event must have been told the truth.</summary>
    private static void CheckLateness(History history, World world, EventKey id, Value[] fields, long streamTime, string[] late)
    {
        var row = new Row(id, fields, fields[World.At].Bits, 0, streamTime);
        string[] refusing = [.. world.Views.Where(view => view.Stream == id.Stream && !Oracle.CameInTime(row, view)).Select(view => view.Name).Order()];
        if (!refusing.SequenceEqual(late.Select(view => view.Split('@', ':')[0]).Order()))
        {
            throw new ViolationException($"{id}: too late for [{string.Join(", ", refusing)}], said to be too late for [{string.Join(", ", late)}]");
        }

        LoggedCopy? first = history.CopiesOf("customer", History.KeyOf(fields[World.Customer])).FirstOrDefault(copy => copy.Row.Id == id && copy.Operation == EventOperation.Insert);
        if (first?.Row.StreamTime != streamTime)
        {
            throw new ViolationException($"{id}: the stream time in its record is {first?.Row.StreamTime}, and it was judged by {streamTime}");
        }
    }

    private static bool Same(Value[]? left, Value[]? right) => left is null == right is null && left.AsSpan().SequenceEqual(right);

    private static string Describe(Value[]? fields) => fields is null ? "deleted" : $"({string.Join(", ", fields)})";
}
