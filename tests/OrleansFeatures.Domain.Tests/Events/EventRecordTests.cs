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

    /// <summary>Bytes as the first release wrote them. They must be readable for ever: stores hold them.</summary>
    [Fact]
    public void A_record_of_format_1_is_still_read()
    {
        StreamPlan stream = CatalogOf(Version(1, FieldType.Int64, "s", "d", "b")).Stream("s")!;
        byte[] stable = BitConverter.GetBytes(stream.Id);
        byte[] entity = BitConverter.GetBytes(stream.Feeds[0].Entity.Id);
        byte[] bytes =
        [
            1, 0b01, 1, 0, .. stable, .. entity, 5, 0, // format, flags, schema version, stream, entity type, key length
            (byte)'s', 0, 2, (byte)'k', (byte)'y', // key
            9, 0, 0, 0, 0, 0, 0, 0, // event time
            77, 0, 0, 0, 0, 0, 0, 0, // arrival
            2, (byte)'p', (byte)'1', // producer
            5, 0, 0, 0, 0, 0, 0, 0, // id
            0b010000, // nulls: the double
            2, 0, 0, 0, (byte)'k', (byte)'y', // the key field
            3, 0, 0, 0, (byte)'a', (byte)'b', (byte)'c', // the string
            1, // the bool
        ];

        EventRecord record = EventRecord.Parse(bytes);
        record.IsPrimary.ShouldBeTrue();
        record.Operation.ShouldBe(EventOperation.Insert);
        record.StreamTimeMicros.ShouldBe(EventRecord.NoStreamTime);
        record.Time.ShouldBe(new EventTime(9));
        record.Arrival.ShouldBe(new EventTime(77));
        System.Text.Encoding.UTF8.GetString(record.Producer).ShouldBe("p1");
        record.Key.ToArray().ShouldBe(KeyOf(Value.Of("ky")));
        var read = new Value[stream.Fields.Length];
        record.ReadFields(stream, Enumerable.Repeat(true, read.Length).ToArray(), read);
        read.ShouldBe([Value.Of(5L), Value.Of(new EventTime(9)), Value.Of("ky"), Value.Of("abc"), Value.Null, Value.Of(true)]);
    }

    [Fact]
    public void Another_copy_of_a_record_of_format_1_is_of_format_1()
    {
        StreamPlan stream = CatalogOf(Version(1, FieldType.Int64)).Stream("s")!;
        byte[] first = [1, 0b01, 1, 0, .. BitConverter.GetBytes(stream.Id), 0, 0, 0, 0, 0, 0, .. BitConverter.GetBytes(9L), .. BitConverter.GetBytes(77L), 0, .. BitConverter.GetBytes(5L), 0, 1, 0, 0, 0, (byte)'k'];
        EventRecord original = EventRecord.Parse(first);
        var writer = new EventRecordWriter();
        writer.WriteCopyHead(original, stream.Feeds[0], KeyOf(Value.Of("k")));
        byte[] copied = [.. writer.Head, .. original.Body];
        EventRecord copy = EventRecord.Parse(copied);
        copied[0].ShouldBe((byte)1);
        copy.IsPrimary.ShouldBeFalse();
        copy.EntityTypeId.ShouldBe(stream.Feeds[0].Entity.Id);
        (copy.Time, copy.Arrival, copy.IdNumber).ShouldBe((new EventTime(9), new EventTime(77), 5L));
    }

    [Theory]
    [InlineData(EventOperation.Insert, FieldType.Int64)]
    [InlineData(EventOperation.Upsert, FieldType.Int64)]
    [InlineData(EventOperation.Upsert, FieldType.String)]
    [InlineData(EventOperation.Delete, FieldType.String)]
    public void What_the_store_knows_of_an_event_comes_back(EventOperation operation, FieldType idType)
    {
        StreamPlan stream = CatalogOf(Version(1, idType, "s", "d")).Stream("s")!;
        Value[] fields = RandomEvent(new Random(1), stream.Version(0)!, idType);
        EventVersion previous = operation == EventOperation.Insert ? default : new EventVersion(123, 456);
        var writer = new EventRecordWriter();
        writer.WriteBody(stream, stream.Version(0)!, fields, new EventArrival(new EventTime(77), 99, operation, previous), "till 7"u8);
        writer.WriteHead(stream.Feeds[0], stream.Version(0)!, fields, primary: true);

        byte[] bytes = [.. writer.Head, .. writer.Body];
        EventRecord record = EventRecord.Parse(bytes);
        record.Operation.ShouldBe(operation);
        record.Previous.ShouldBe(previous);
        (record.Arrival, record.StreamTimeMicros).ShouldBe((new EventTime(77), 99L));
        var read = new Value[fields.Length];
        record.ReadFields(stream, Enumerable.Repeat(true, fields.Length).ToArray(), read);
        read.ShouldBe(fields);
    }

    [Fact]
    public void A_retraction_has_the_body_of_its_upsert_and_the_key_that_it_is_given()
    {
        StreamPlan stream = CatalogOf(Version(1, FieldType.Int64, "s")).Stream("s")!;
        Value[] fields = RandomEvent(new Random(2), stream.Version(0)!, FieldType.Int64);
        var writer = new EventRecordWriter();
        writer.WriteBody(stream, stream.Version(0)!, fields, new EventArrival(new EventTime(77), 99, EventOperation.Upsert, new EventVersion(1, 2)), default);
        byte[] old = KeyOf(Value.Of("another"));
        writer.WriteHead(stream.Feeds[0], old, primary: false, retracts: true);

        byte[] bytes = [.. writer.Head, .. writer.Body];
        EventRecord record = EventRecord.Parse(bytes);
        record.Operation.ShouldBe(EventOperation.Retract);
        record.Previous.ShouldBe(new EventVersion(1, 2));
        record.Key.ToArray().ShouldBe(old);
        record.IsPrimary.ShouldBeFalse();
    }

    [Theory]
    [InlineData(FieldType.Int64)]
    [InlineData(FieldType.String)]
    public void A_delete_says_what_it_takes_back(FieldType idType)
    {
        StreamPlan stream = CatalogOf(Version(1, idType, "s", "d", "b", "t", "n")).Stream("s")!;
        for (int seed = 0; seed < 50; seed++)
        {
            Value[] fields = RandomEvent(new Random(seed), stream.Version(0)!, idType);
            EventRecord original = EventRecord.Parse(Encode(stream, stream.Version(0)!, fields));
            var writer = new EventRecordWriter();
            writer.WriteBodyOf(original, new EventArrival(new EventTime(88), 99, EventOperation.Delete, new EventVersion(original.Time.Micros, 3)), "office"u8);
            writer.SaysTheSameAs(original).ShouldBeTrue($"seed {seed}");
            writer.WriteHead(stream.Feeds[0], original.Key, primary: true);

            EventRecord record = EventRecord.Parse([.. writer.Head, .. writer.Body]);
            var read = new Value[fields.Length];
            record.ReadFields(stream, Enumerable.Repeat(true, fields.Length).ToArray(), read);
            read.ShouldBe(fields, $"seed {seed}");
            record.Operation.ShouldBe(EventOperation.Delete);
            record.HasTextId.ShouldBe(idType == FieldType.String);
            System.Text.Encoding.UTF8.GetString(record.Producer).ShouldBe("office");
        }
    }

    [Fact]
    public void Two_versions_say_the_same_only_if_every_field_and_the_time_do()
    {
        StreamPlan stream = CatalogOf(Version(1, FieldType.Int64, "d", "n")).Stream("s")!;
        Value[] fields = [Value.Of(5L), Value.Of(new EventTime(9)), Value.Of("key"), Value.Of(2.5), Value.Null];
        EventRecord original = EventRecord.Parse(Encode(stream, stream.Version(0)!, fields));
        Says(original, fields).ShouldBeTrue();
        Says(original, [fields[0], Value.Of(new EventTime(10)), .. fields[2..]]).ShouldBeFalse();
        Says(original, [.. fields[..2], Value.Of("yek"), .. fields[3..]]).ShouldBeFalse();
        Says(original, [.. fields[..3], Value.Null, fields[4]]).ShouldBeFalse();
        Says(original, [.. fields[..4], Value.Of(0L)]).ShouldBeFalse();

        bool Says(in EventRecord record, Value[] other)
        {
            var writer = new EventRecordWriter();
            writer.WriteBody(stream, stream.Version(0)!, other, new EventArrival(new EventTime(1), 2, EventOperation.Upsert, new EventVersion(9, 0)), "another producer"u8);
            return writer.SaysTheSameAs(record);
        }
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
