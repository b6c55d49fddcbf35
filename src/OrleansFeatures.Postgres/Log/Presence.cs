using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Postgres.Log;

/// <summary>
/// Asks entities whether each still holds an event of that time as itself (or has forgotten it altogether), so that a version of it can be taken back; an answer for each question, in order. Called inside an append
/// transaction, for which the whole cluster waits: it has <see cref="PostgresOptions.PresenceMax"/>, and all questions of an append come at once.
/// </summary>
public delegate Task<IReadOnlyList<bool>> Presence(IReadOnlyList<PresenceQuestion> questions, CancellationToken cancellationToken);

/// <param name="EntityType">The entity type's number.</param>
/// <param name="Key">The entity's key, as records carry it.</param>
/// <param name="Stream">The stream that the event is of.</param>
/// <param name="Time">When the version happened that may have to be taken back.</param>
public readonly record struct PresenceQuestion(uint EntityType, ReadOnlyMemory<byte> Key, uint Stream, EventTime Time);
