using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Reads;

namespace OrleansFeatures.Entities.Remote;

/// <summary>How a question was answered.</summary>
public enum AnswerKind : byte
{
    /// <summary>With values.</summary>
    Values = 0,

    /// <summary>Not here: the entity's partition is another process's, or nobody's for the moment. Ask again, there.</summary>
    NotHere = 1,

    /// <summary>The definitions that were asked by are not those that the entity has here.</summary>
    OtherDefinitions = 2,

    /// <summary>The entity met a bug of ours and does not answer until it has been rebuilt.</summary>
    Faulted = 3,

    /// <summary>The entity cannot be had in time, or its saved state cannot be read. The reason says what to do.</summary>
    Unavailable = 4,
}

/// <summary>What an entity answered.</summary>
/// <param name="Kind">Whether it has.</param>
/// <param name="Stamp">From which state.</param>
/// <param name="Values">By feature of the entity's read plan.</param>
/// <param name="Reason">Why it has not.</param>
public readonly record struct EntityAnswer(AnswerKind Kind, EntityStamp Stamp, FeatureValue[] Values, string Reason)
{
    public static EntityAnswer Of(EntityStamp stamp, FeatureValue[] values) => new(AnswerKind.Values, stamp, values, "");

    public static EntityAnswer Not(AnswerKind why, string reason) => new(why, default, [], reason);
}

/// <summary>
/// Answers in the order of their questions, as processes send them to each other, little-endian:
/// <code>
///   [ format : 1 ][ answers : 4 ]{ [ kind : 1 ]  values:    [ state version : 8 ][ last event time : 8 ][ values : packed ]{ feature value }
///                                                otherwise: [ reason : 4 + text ] }
/// </code>
/// </summary>
public static class EntityAnswers
{
    private const byte Format = 1;
    private const int AnswerBytesMin = 1 + sizeof(int);

    public static byte[] Write(IReadOnlyList<EntityAnswer> answers)
    {
        var to = new StateWriter();
        to.Byte(Format);
        to.Int32(answers.Count);
        foreach (EntityAnswer answer in answers)
        {
            to.Byte((byte)answer.Kind);
            if (answer.Kind == AnswerKind.Values)
            {
                to.Int64(answer.Stamp.StateVersion);
                to.Int64(answer.Stamp.LastEventTimeMicros);
                to.Packed((ulong)answer.Values.Length);
                foreach (FeatureValue value in answer.Values)
                {
                    FeatureValueBytes.Write(to, value);
                }
            }
            else
            {
                to.Text(answer.Reason);
            }
        }

        return to.Written.ToArray();
    }

    /// <exception cref="StateFormatException">The bytes are wrong, or of another format.</exception>
    public static EntityAnswer[] Read(ReadOnlySpan<byte> bytes)
    {
        var from = new StateReader(bytes);
        if (from.Byte() is var format and not Format)
        {
            throw new StateFormatException($"answers of format {format}, where this version reads format {Format}");
        }

        var answers = new EntityAnswer[from.Count(AnswerBytesMin)];
        for (int index = 0; index < answers.Length; index++)
        {
            var kind = (AnswerKind)from.Byte();
            answers[index] = kind switch
            {
                AnswerKind.Values => ReadValues(ref from),
                <= AnswerKind.Unavailable => EntityAnswer.Not(kind, from.Text()),
                _ => throw new StateFormatException($"an answer of kind {(byte)kind}"),
            };
        }

        return answers;
    }

    private static EntityAnswer ReadValues(ref StateReader from)
    {
        long version = from.Int64();
        var stamp = new EntityStamp(version, from.Int64());
        var values = new FeatureValue[(int)from.PackedWithin(0, from.Left)];
        for (int index = 0; index < values.Length; index++)
        {
            values[index] = FeatureValueBytes.Read(ref from);
        }

        return EntityAnswer.Of(stamp, values);
    }
}
