using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Entities.Saving;

/// <summary>
/// A whole entity as one value, for stores that keep a row for each:
/// <code>
///   [ format : 1 ]  [ tag : 4 ][ length : 4 ][ bytes ]  [ tag : 4 ][ length : 4 ][ bytes ] ...       any number of sections
///                    part 1, part 2, ... of a dense entity; its head, which names them by number; whatever a later version adds
/// </code>
/// A section whose tag this version does not know is passed over, so that two versions can run side by side and a newer one may say more. What a reader must not pass over raises the format, which older versions refuse.
/// The whole entity is written each time, also where it is dense: a row is replaced as a whole in any case.
/// </summary>
/// <remarks>Call it inside the gate of the entity's partition.</remarks>
public static class EntityBlob
{
    /// <summary>What this version writes, and the newest that it reads.</summary>
    public const byte Format = 1;

    private const int Part = 1;
    private const int Head = 2;

    public static byte[] Save(EntityActor actor)
    {
        var blob = new StateWriter();
        blob.Byte(Format);
        ulong count = 0;
        var parts = new SavedParts(part =>
        {
            Write(blob, Part, part);
            return ++count;
        });

        // Parts that an earlier blob had are written again: places name nothing outside of their own blob.
        actor.MoveParts(static _ => true);
        InvariantException.Require(actor.SaveParts(parts, int.MaxValue), "parts were left when all of them were to be saved");
        var head = new StateWriter();
        actor.Save(head, parts);
        Write(blob, Head, head.Written);
        parts.Commit();
        return blob.Written.ToArray();
    }

    /// <exception cref="StateFormatException">The bytes are wrong, or of a format that this version does not read; no memory is held.</exception>
    public static EntityActor Load(EntityLayout layout, ReadOnlyMemory<byte> blob)
    {
        var from = new StateReader(blob.Span);
        if (from.Byte() is var format and not Format)
        {
            throw new StateFormatException($"an entity of format {format}, where this version reads format {Format}: it was saved by a newer version, which has to run until the entity is saved in the older format again");
        }

        var parts = new List<ReadOnlyMemory<byte>>();
        ReadOnlyMemory<byte>? head = null;
        while (from.Left > 0)
        {
            int tag = from.Int32();
            int length = from.Bytes().Length;
            ReadOnlyMemory<byte> section = blob.Slice(blob.Length - from.Left - length, length);
            if (tag == Part)
            {
                parts.Add(section);
            }
            else if (tag == Head)
            {
                head = section;
            }
        }

        return EntityActor.Load(layout, (head ?? throw new StateFormatException("an entity without a head")).Span, new LoadedParts(place => PartAt(parts, place)));
    }

    private static ReadOnlySpan<byte> PartAt(List<ReadOnlyMemory<byte>> parts, ulong place) =>
        place > 0 && place <= (ulong)parts.Count ? parts[(int)place - 1].Span : throw new StateFormatException($"part {place} is named where there are {parts.Count}");

    private static void Write(StateWriter blob, int tag, ReadOnlySpan<byte> section)
    {
        blob.Int32(tag);
        blob.Bytes(section);
    }
}
