using OrleansFeatures.Postgres.Log;

namespace OrleansFeatures.Silo;

/// <summary>
/// Whom the log asks, inside an append, whether entities can give events back. The log starts before the silo does, so who answers is told later; until then nobody can be corrected here.
/// </summary>
public sealed class EntityPresence
{
    private volatile Presence? _answering;

    /// <summary>As <see cref="Presence"/> has it.</summary>
    /// <exception cref="LogUnavailableException">The silo has not started yet.</exception>
    public Task<IReadOnlyList<bool>> AskAsync(IReadOnlyList<PresenceQuestion> questions, CancellationToken cancellationToken) =>
        _answering is { } answering
            ? answering(questions, cancellationToken)
            : throw new LogUnavailableException("an event cannot be corrected yet, because this silo has not started; try again in a moment");

    internal void AnswerBy(Presence presence) => _answering = presence;
}
