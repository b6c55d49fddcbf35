using OrleansFeatures.Fuzzing.Engine;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>Mutates a protobuf message as one: fields are lost, repeated, moved, renumbered or given other values, at any depth, and every length still fits.</summary>
internal static class ProtobufMutation
{
    private const int DepthMax = 6;

    public static byte[] Of(byte[] message, Random random, IReadOnlyList<byte[]> corpus, int depth = 0)
    {
        if (Fields(message) is not { Count: > 0 } fields)
        {
            return Mutator.Bytes(message, random, corpus, []);
        }

        int at = random.Next(fields.Count);
        Field field = fields[at];
        switch (random.Next(8))
        {
            case 0:
                fields.RemoveAt(at);
                break;
            case 1:
                fields.InsertRange(at, Enumerable.Repeat(field, random.Next(6) == 0 ? random.Next(1, 100) : 1));
                break;
            case 2:
                fields.RemoveAt(at);
                fields.Insert(random.Next(fields.Count + 1), field);
                break;
            case 3:
                fields[at] = field with { Number = random.Next(3) == 0 ? random.Next(1, 20) : Math.Max(1, field.Number + random.Next(-2, 3)) };
                break;
            case 4 when Fields(corpus[random.Next(corpus.Count)]) is { Count: > 0 } others:
                fields.Insert(at, others[random.Next(others.Count)]);
                break;
            default:
                fields[at] = field with { Content = Content(field, random, corpus, depth) };
                break;
        }

        return Bytes(fields);
    }

    private static byte[] Content(Field field, Random random, IReadOnlyList<byte[]> corpus, int depth)
    {
        switch (field.Wire)
        {
            case 0:
                return Mutator.Packed((ulong)Mutator.AnyNumber(random));
            case 1:
                return BitConverter.GetBytes(random.Next(3) == 0 ? BitConverter.DoubleToInt64Bits(random.Next(4) switch { 0 => double.NaN, 1 => double.PositiveInfinity, 2 => -0.0, _ => double.Epsilon }) : Mutator.AnyNumber(random));
            case 5:
                return BitConverter.GetBytes((int)Mutator.AnyNumber(random));
            default:
                return depth < DepthMax && random.Next(3) > 0 ? Of(field.Content, random, corpus, depth + 1) : Mutator.Bytes(field.Content, random, corpus, []);
        }
    }

    /// <summary>Null where the bytes are no message.</summary>
    private static List<Field>? Fields(byte[] message)
    {
        var fields = new List<Field>();
        int at = 0;
        while (at < message.Length)
        {
            if (!TryPacked(message, ref at, out ulong tag) || tag >> 3 is 0 or > int.MaxValue)
            {
                return null;
            }

            int wire = (int)(tag & 7);
            int start = at;
            ulong length = wire switch { 1 => 8, 5 => 4, _ => 0 };
            if ((wire is 0 or 2 && !TryPacked(message, ref at, out length)) || wire is not (0 or 1 or 2 or 5))
            {
                return null;
            }

            length = wire == 0 ? 0 : length;
            if (length > (ulong)(message.Length - at))
            {
                return null;
            }

            int from = wire == 0 ? start : at;
            at += (int)length;
            fields.Add(new Field((int)(tag >> 3), wire, message[from..at]));
        }

        return fields;
    }

    private static bool TryPacked(byte[] message, ref int at, out ulong value)
    {
        value = 0;
        for (int shift = 0; shift < 64 && at < message.Length; shift += 7)
        {
            byte next = message[at++];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return true;
            }
        }

        return false;
    }

    private static byte[] Bytes(List<Field> fields)
    {
        var bytes = new List<byte>();
        foreach (Field field in fields)
        {
            bytes.AddRange(Mutator.Packed(((ulong)field.Number << 3) | (uint)field.Wire));
            if (field.Wire == 2)
            {
                bytes.AddRange(Mutator.Packed((ulong)field.Content.Length));
            }

            bytes.AddRange(field.Content);
        }

        return [.. bytes];
    }

    private readonly record struct Field(int Number, int Wire, byte[] Content);
}
