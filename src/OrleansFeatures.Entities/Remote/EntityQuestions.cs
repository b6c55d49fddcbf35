using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Reads;

namespace OrleansFeatures.Entities.Remote;

/// <summary>One entity's part of one row of a read, as it is asked for in another process.</summary>
/// <param name="Entity">Which of the selection's entity types.</param>
/// <param name="Key">The entity's key (<see cref="EntityKeyEncoding"/>).</param>
/// <param name="AsOf">The instant to read at.</param>
/// <param name="KnownAt">What arrived later is not looked at.</param>
public readonly record struct EntityQuestion(int Entity, ReadOnlyMemory<byte> Key, EventTime AsOf, EventTime KnownAt);

/// <summary>
/// Questions over one selection, as processes send them to each other, little-endian:
/// <code>
///   [ format : 1 ][ generation : 8 ][ features : 4 ]{ reference : 4 + text }        what is asked, by name: both sides have the definitions of that generation
///   [ questions : 4 ]{ [ entity : packed ][ key : 4 + k ][ as of : 8 ][ known at : 8 ] }
///   [ within : 8 ]                                                                  for how many microseconds somebody waits for the answers; absent from earlier versions
/// </code>
/// Bytes behind what is drawn are passed over: a later version may add some, and asks under another format what an earlier one must not misunderstand.
/// </summary>
public sealed class EntityQuestions
{
    private const byte Format = 1;
    private static readonly long WithinMicrosMax = (long)Limits.PartialTimeMax.TotalMicroseconds;
    private const int QuestionBytesMin = 1 + sizeof(int) + (2 * sizeof(long));

    private EntityQuestions(Selection selection, EntityQuestion[] questions, TimeSpan? within) => (Selection, Questions, Within) = (selection, questions, within);

    public Selection Selection { get; }

    public IReadOnlyList<EntityQuestion> Questions { get; }

    /// <summary>What is not answered within this time nobody waits for any more. Null where whoever asks has not said.</summary>
    public TimeSpan? Within { get; }

    /// <summary>The question that stands at a place of a read.</summary>
    public static EntityQuestion Of(FeatureRead read, int row, int entity) =>
        new(entity, read.Keys[(row * read.Selection.Entities.Length) + entity], read.AsOf[row], read.KnownAt[row]);

    /// <param name="generation">Of the definitions that the selection is of.</param>
    /// <param name="selection">What is asked of everyone.</param>
    /// <param name="questions">Who is asked.</param>
    /// <param name="within">How long the answers are waited for.</param>
    public static byte[] Write(long generation, Selection selection, IReadOnlyList<EntityQuestion> questions, TimeSpan within)
    {
        var to = new StateWriter();
        to.Byte(Format);
        to.Int64(generation);
        to.Int32(selection.Features.Length);
        foreach (FeaturePlan feature in selection.Features)
        {
            to.Text(feature.Reference);
        }

        to.Int32(questions.Count);
        foreach (EntityQuestion question in questions)
        {
            to.Packed((ulong)question.Entity);
            to.Bytes(question.Key.Span);
            to.Int64(question.AsOf.Micros);
            to.Int64(question.KnownAt.Micros);
        }

        to.Int64((long)within.TotalMicroseconds);
        return to.Written.ToArray();
    }

    /// <summary>Of which definitions the questions are. Look at it before <see cref="Read"/>.</summary>
    /// <exception cref="StateFormatException">The bytes are wrong, or of another format.</exception>
    public static long GenerationOf(ReadOnlySpan<byte> bytes)
    {
        var from = new StateReader(bytes);
        return GenerationOf(ref from);
    }

    /// <param name="bytes">What <see cref="Write"/> wrote.</param>
    /// <param name="selections">Of the definitions of that generation.</param>
    /// <exception cref="StateFormatException">The bytes are wrong, of another format, or name a feature that these definitions do not have.</exception>
    public static EntityQuestions Read(ReadOnlyMemory<byte> bytes, RemoteSelections selections)
    {
        var from = new StateReader(bytes.Span);
        GenerationOf(ref from);
        Selection selection = selections.Resolve(ref from);
        var questions = new EntityQuestion[from.Count(QuestionBytesMin)];
        for (int index = 0; index < questions.Length; index++)
        {
            int entity = (int)from.PackedWithin(0, selection.Entities.Length - 1);
            int length = from.Bytes().Length;
            ReadOnlyMemory<byte> key = bytes.Slice(bytes.Length - from.Left - length, length);
            long asOf = from.Int64();
            questions[index] = new EntityQuestion(entity, key, new EventTime(asOf), new EventTime(from.Int64()));
        }

        TimeSpan? within = from.Left >= sizeof(long) ? WithinOf(from.Int64()) : null;
        return new EntityQuestions(selection, questions, within);
    }

    private static TimeSpan WithinOf(long micros) => micros >= 0 && micros <= WithinMicrosMax
        ? TimeSpan.FromMicroseconds(micros)
        : throw new StateFormatException($"answers are waited for for {micros} microseconds");

    private static long GenerationOf(ref StateReader from) =>
        from.Byte() is var format and not Format
            ? throw new StateFormatException($"questions of format {format}, where this version reads format {Format}")
            : from.Int64();
}
