using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>
/// What entities say of the versions that the corrections of an append may have to take back, asked all at once before any is resolved. A correction replaces either the version that history has or one that an
/// event of the same append has made, so these are all that can be asked for. One thread.
/// </summary>
internal sealed class PresenceAnswers
{
    private readonly Dictionary<PresenceQuestion, bool> _answers = new(QuestionComparer.Instance);
    private readonly EntityKeys _keys = new();

    /// <summary>A version that history has.</summary>
    public void Ask(StreamPlan stream, LogRecord version)
    {
        EventRecord record = EventRecord.Parse(version.Payload);
        _keys.Read(stream, record);
        Ask(stream, record.Time);
    }

    /// <summary>A version that this append may make.</summary>
    public void Ask(DeferredEvent made)
    {
        if (made.Time is { } time)
        {
            _keys.Read(made.Stream, made.Version, made.Fields);
            Ask(made.Stream, time);
        }
    }

    /// <summary>Has everything that was asked answered.</summary>
    public async Task AnswerAsync(Presence presence, CancellationToken cancellationToken)
    {
        if (_answers.Count == 0)
        {
            return;
        }

        PresenceQuestion[] questions = [.. _answers.Keys];
        IReadOnlyList<bool> answers = await presence(questions, cancellationToken);
        InvariantException.Require(answers.Count == questions.Length, "entities were asked of more or fewer events than they answered");
        for (int index = 0; index < questions.Length; index++)
        {
            _answers[questions[index]] = answers[index];
        }
    }

    /// <summary>As the intake asks.</summary>
    public bool CanTakeBack(EntityPlan entity, ReadOnlySpan<byte> key, int timeline, EventTime time) =>
        _answers.TryGetValue(new PresenceQuestion(entity.Id, key.ToArray(), entity.Timelines[timeline].Stream.Id, time), out bool answer)
            ? answer
            : throw new InvariantException($"an entity of type '{entity.Name}' was not asked whether it can take back an event of {time}");

    private void Ask(StreamPlan stream, EventTime time)
    {
        for (int feed = 0; feed < stream.Feeds.Length; feed++)
        {
            if (_keys.Of(feed) is { IsEmpty: false } key)
            {
                _answers[new PresenceQuestion(stream.Feeds[feed].Entity.Id, key.ToArray(), stream.Id, time)] = false;
            }
        }
    }

    private sealed class QuestionComparer : IEqualityComparer<PresenceQuestion>
    {
        public static readonly QuestionComparer Instance = new();

        public bool Equals(PresenceQuestion x, PresenceQuestion y) => x.EntityType == y.EntityType && x.Stream == y.Stream && x.Time == y.Time && x.Key.Span.SequenceEqual(y.Key.Span);

        public int GetHashCode(PresenceQuestion question)
        {
            var hash = new HashCode();
            hash.Add(question.EntityType);
            hash.Add(question.Time);
            hash.AddBytes(question.Key.Span);
            return hash.ToHashCode();
        }
    }
}
