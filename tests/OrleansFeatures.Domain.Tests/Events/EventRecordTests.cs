using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Events;

public sealed class EventRecordTests
{
    [Theory]
    [InlineData(FieldType.Int64)]
    [InlineData(FieldType.String)]
    public void Encoding_and_reading_back_is_identity(FieldType idType)
    {
        StreamPlan stream = CatalogOf(Version(1, idType, "s", "d", "b", "t", "n")).Stream("s")!;
        for (int seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            Value[] fields = RandomEvent(random, stream.Version(0)!, idType);
            byte[] bytes = Encode(stream, stream.Version(0)!, fields);
            EventRecord record = EventRecord.Parse(bytes);
            var read = new Value[fields.Length];
            record.ReadFields(stream, Enumerable.Repeat(true, fields.Length).ToArray(), read);
            read.ShouldBe(fields, $"seed {seed}");
            record.IsPrimary.ShouldBeTrue();
            record.Key.ToArray().ShouldBe(KeyOf(fields[2]), $"seed {seed}");
            System.Text.Encoding.UTF8.GetString(record.Producer).ShouldBe("till 7");
        }
    }

    [Fact]
    public void A_record_of_an_older_version_reads_by_name_and_new_fields_are_null()
    {
        StreamDefinition old = Version(1, FieldType.Int64, "s", "d", "b");
        StreamDefinition now = Version(2, FieldType.Int64, "s", "b", "n", "d");
        StreamPlan before = CatalogOf(old).Stream("s")!;
        Value[] fields = [Value.Of(5L), Value.Of(new EventTime(9)), Value.Of("key"), Value.Of("text"), Value.Of(2.5), Value.Of(true)];
        byte[] bytes = Encode(before, before.Version(0)!, fields);

        StreamPlan after = CatalogOf(old, now).Stream("s")!;
        var read = new Value[after.Fields.Length];
        EventRecord.Parse(bytes).ReadFields(after, Enumerable.Repeat(true, read.Length).ToArray(), read);
        read.ShouldBe([Value.Of(5L), Value.Of(new EventTime(9)), Value.Of("key"), Value.Of("text"), Value.Of(true), Value.Null, Value.Of(2.5)]);
    }

    [Fact]
    public void Another_format_is_refused_by_name() =>
        Should.Throw<InvariantException>(() => EventRecord.Parse(new byte[40])).Message.ShouldContain("format 0");

    [Fact]
    public void Distinct_keys_have_distinct_bytes()
    {
        KeyOf(Value.Of("a"), Value.Of("bc")).ShouldNotBe(KeyOf(Value.Of("ab"), Value.Of("c")));
        KeyOf(Value.Of(1L)).ShouldNotBe(KeyOf(Value.Of("1")));
        KeyOf(Value.Of("ab"), Value.Of(-7L)).ShouldBe([(byte)'s', 0, 2, (byte)'a', (byte)'b', (byte)'i', 255, 255, 255, 255, 255, 255, 255, 249]);
    }

    [Fact]
    public void The_stable_hash_never_changes()
    {
        // These place entities on partitions: if one of them changes, every existing store loses its entities.
        StableHash.Of("customer").ShouldBe(StableHash.Of("customer"u8));
        StableHash.Of([]).ShouldBe(17280346270528514342UL);
        StableHash.Of("customer").ShouldBe(15130210972766988372UL);
        StableHash.Of("a key of more than eight bytes"u8, 42).ShouldBe(14023939599455757683UL);
    }

    private static StreamDefinition Version(int version, FieldType idType, params string[] kinds) => new("s", version, "id", "at",
        [new("id", idType), new("at", FieldType.Timestamp), new("key", FieldType.String), .. kinds.Select(kind => new FieldDefinition(kind, TypeOf(kind)))]);

    private static FieldType TypeOf(string kind) => kind switch { "s" => FieldType.String, "d" => FieldType.Double, "b" => FieldType.Bool, "t" => FieldType.Timestamp, _ => FieldType.Int64 };

    private static Catalog CatalogOf(params StreamDefinition[] streams)
    {
        var view = new FeatureViewDefinition("v", 1, "e", "s", null, [new FeatureDefinition("count", "count", Duration.Days(1), Duration.Zero, null, Value.Null)]);
        Catalog? catalog = Catalog.Compile(new DefinitionSet([.. streams], [new EntityDefinition("e", ["key"])], [view], []), out var problems);
        problems.ShouldBeEmpty();
        return catalog!;
    }

    private static byte[] KeyOf(params Value[] fields)
    {
        byte[] bytes = new byte[EntityKeyEncoding.BytesMax];
        int length = 0;
        foreach (Value field in fields)
        {
            length += EntityKeyEncoding.Append(bytes.AsSpan(length), field);
        }

        return bytes[..length];
    }

    private static byte[] Encode(StreamPlan stream, StreamVersion version, Value[] fields)
    {
        var writer = new EventRecordWriter();
        writer.WriteBody(stream, version, fields, EventArrival.Insert(new EventTime(77)), "till 7"u8);
        writer.WriteHead(stream.Feeds[0], version, fields, primary: true);
        return [.. writer.Head, .. writer.Body];
    }

    private static Value[] RandomEvent(Random random, StreamVersion version, FieldType idType)
    {
        Value Random(FieldType type) => random.Next(4) == 0 ? Value.Null : type switch
        {
            FieldType.String => Value.Of(new string('é', random.Next(40))),
            FieldType.Double => Value.Of(random.NextDouble() * 1e9),
            FieldType.Bool => Value.Of(random.Next(2) == 0),
            FieldType.Timestamp => Value.Of(new EventTime(random.NextInt64(1L << 50))),
            _ => Value.Of(random.NextInt64()),
        };

        Value id = idType == FieldType.Int64 ? Value.Of(random.NextInt64()) : Value.Of($"event-{random.Next()}");
        return [id, Value.Of(new EventTime(random.NextInt64(1L << 50))), Value.Of($"k{random.Next()}"), .. version.Definition.Fields.Skip(3).Select(field => Random(field.Type))];
    }
}
