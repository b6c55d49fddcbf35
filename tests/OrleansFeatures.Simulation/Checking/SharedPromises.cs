using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Simulation.Running;
using OrleansFeatures.Simulation.Workload;

namespace OrleansFeatures.Simulation.Checking;

/// <summary>
/// Of events that several clients write to at once nobody can say in advance which version stands in the end; but it is one that somebody sent, and what was accepted is there.
/// (That each version names the one before it is checked by <see cref="History"/>.)
/// </summary>
internal sealed class SharedPromises
{
    private readonly Dictionary<EventKey, List<Operation>> _sent = [];
    private readonly HashSet<EventKey> _accepted = [];

    public static bool IsShared(EventKey id) => id.Stream == World.Orders ? id.Number < Bounds.SharedIds : id.Text.StartsWith("shared", StringComparison.Ordinal);

    public void Sent(Operation operation)
    {
        if (!_sent.TryGetValue(operation.Id, out List<Operation>? sent))
        {
            _sent[operation.Id] = sent = [];
        }

        sent.Add(operation);
    }

    public void Answered(Operation operation, IntakeResult result)
    {
        if (result is IntakeResult.Accepted or IntakeResult.Late or IntakeResult.Duplicate)
        {
            _accepted.Add(operation.Id);
        }
    }

    public void Check(History history)
    {
        foreach (EventKey id in _accepted.Where(id => !history.Standing.ContainsKey(id)))
        {
            throw new ViolationException($"{id} was acknowledged to several clients and is not in the log");
        }

        foreach ((EventKey id, var version) in history.Standing.Where(entry => IsShared(entry.Key)))
        {
            if (!_sent[id].Exists(sent => version.Fields is null ? sent.Kind == EventOperation.Delete : sent.Kind != EventOperation.Delete && sent.Fields.AsSpan().SequenceEqual(version.Fields)))
            {
                throw new ViolationException($"{id} stands in a version that nobody sent: record {version.Record.Sequence}");
            }
        }
    }
}
