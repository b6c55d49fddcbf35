using OrleansFeatures.Server.Commands;
using OrleansFeatures.Server.Load.Traffic;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Load.Traffic;

public sealed class EventDrawTests
{
    private const int Entities = 10;

    private static readonly TrafficSchema Traffic = new(
        "risk",
        [new KeyField("card", FieldType.String), new KeyField("shop", FieldType.Int64)],
        [new Field { Name = "amount", Type = FieldType.Double }],
        "payments",
        new StreamSchema
        {
            EventId = "id",
            EventTime = "at",
            Fields =
            {
                new Field { Name = "id", Type = FieldType.Int64 }, new Field { Name = "at", Type = FieldType.Timestamp }, new Field { Name = "card", Type = FieldType.String },
                new Field { Name = "amount", Type = FieldType.Double }, new Field { Name = "fraud", Type = FieldType.Bool },
            },
        },
        new HashSet<string> { "card", "shop" });

    [Fact]
    public void Every_event_has_an_id_of_its_own_and_keys_from_as_many_entities_as_there_are()
    {
        var draw = new EventDraw(Traffic, Entities, seed: 3);
        PushRequest[] batches = [.. Enumerable.Range(0, 20).Select(_ => draw.Batch(50, timeMicros: 1_000))];
        batches.SelectMany(batch => batch.Columns.Columns[0].Int64S).Distinct().Count().ShouldBe(1_000);
        batches.SelectMany(batch => batch.Columns.Columns[2].Strings).Distinct().Order().ShouldBe(Enumerable.Range(0, Entities).Select(key => $"k{key}"));
        batches.ShouldAllBe(batch => batch.Columns.Count == 50 && batch.Columns.Columns.Count == 5 && batch.Stream == "payments");
        draw.Row(7).Values.Select(value => value.KindCase).ShouldBe(
            [Value.KindOneofCase.Int64, Value.KindOneofCase.TimestampMicros, Value.KindOneofCase.String, Value.KindOneofCase.Double, Value.KindOneofCase.Bool]);
    }

    [Fact]
    public void Prepared_events_are_spread_over_their_span_oldest_first()
    {
        PushRequest batch = new EventDraw(Traffic, Entities, seed: 3).Batch(100, timeMicros: 10_000, spanMicros: 1_000);
        batch.Columns.Columns[1].TimestampsMicros.ShouldBeInOrder();
        batch.Columns.Columns[1].TimestampsMicros[0].ShouldBe(10_000 - 990);
        batch.Columns.Columns[1].TimestampsMicros[^1].ShouldBe(10_000);
    }

    [Fact]
    public void A_lookup_after_a_push_asks_for_the_entity_of_its_last_event()
    {
        PushRequest batch = new EventDraw(Traffic, Entities, seed: 3).Batch(100, timeMicros: 10_000);
        GetFeaturesRequest lookup = new LookupDraw(Traffic, Entities, asOfStream: true).OfLastEvent(batch);
        lookup.Keys[0].ShouldBe(new KeyColumn { Field = "card", Strings = { batch.Columns.Columns[2].Strings[^1] } });
        lookup.Keys[1].Int64S.ShouldHaveSingleItem();
        lookup.AsOfStreamTime.ShouldBeTrue();
        lookup.Context.ShouldHaveSingleItem().Values.Doubles.ShouldHaveSingleItem();
    }

    [Fact]
    public void Prepared_lookups_differ_and_hold_as_many_rows_as_asked_for()
    {
        GetFeaturesRequest[] batches = new LookupDraw(Traffic, Entities, asOfStream: false).Draw(rows: 100, seed: 1);
        batches.Length.ShouldBe(400);
        batches.ShouldAllBe(batch => batch.Keys.All(key => key.Strings.Count + key.Int64S.Count == 100) && batch.Context[0].Values.Doubles.Count == 100 && !batch.AsOfStreamTime);
        batches.Distinct().Count().ShouldBe(batches.Length);
    }
}
