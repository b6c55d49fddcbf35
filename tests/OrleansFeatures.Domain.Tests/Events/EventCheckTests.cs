using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Events;

public sealed class EventCheckTests
{
    [Fact]
    public void A_good_event_is_not_refused() => Refuse(_ => { }).ShouldBeNull();

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    public void A_number_that_is_not_finite_is_refused(double number) => Refuse(fields => fields[3] = Value.Of(number))!.Field.ShouldBe("amount");

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    [InlineData(4_102_444_800_000_000)]
    public void A_time_before_1970_or_from_2100_on_is_refused(long micros)
    {
        EventRefusal refusal = Refuse(fields => fields[1] = Value.Of(new EventTime(micros)))!;
        refusal.Field.ShouldBe("at");
        refusal.Fix.ShouldContain("microseconds since 1970");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4_102_444_799_999_999)]
    public void The_first_and_the_last_possible_time_are_taken(long micros) => Refuse(fields => fields[1] = Value.Of(new EventTime(micros))).ShouldBeNull();

    /// <summary>It would be answered in RFC 3339, which cannot write it.</summary>
    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    [InlineData(Limits.TimestampMaxMicros + 1)]
    public void A_timestamp_beyond_the_years_1_to_9999_is_refused(long micros) => Refuse(fields => fields[5] = Value.Of(new EventTime(micros)))!.Field.ShouldBe("seen");

    [Fact]
    public void What_is_missing_is_named()
    {
        Refuse(fields => fields[0] = Value.Null)!.Field.ShouldBe("id");
        Refuse(fields => fields[1] = Value.Null)!.Field.ShouldBe("at");
        Refuse(fields => fields[2] = Value.Null)!.Fix.ShouldContain("key of entity 'customer'");
        Refuse(fields => fields[2] = Value.Of(""))!.Field.ShouldBe("customer_id");
    }

    [Fact]
    public void What_is_too_long_is_refused_with_the_limit()
    {
        Refuse(fields => fields[4] = Value.Of(new string('x', Limits.FieldBytesMax + 1)))!.Reason.ShouldContain($"{Limits.FieldBytesMax}");
        Refuse(fields => fields[2] = Value.Of(new string('x', Limits.KeyBytesMax + 1)))!.Reason.ShouldContain($"{Limits.KeyBytesMax}");
        Refuse(fields => fields[4] = Value.Of(new string('x', Limits.FieldBytesMax))).ShouldBeNull();
    }

    [Fact]
    public void An_arrival_may_be_stated_up_to_now_and_not_before_1970()
    {
        var now = new EventTime(1_600_000_000_000_000);
        EventCheck.RefuseArrival(now, now).ShouldBeNull();
        EventCheck.RefuseArrival(EventTime.Epoch, now).ShouldBeNull();
        EventCheck.RefuseArrival(new EventTime(now.Micros + 1), now)!.Reason.ShouldContain("after now");
        EventCheck.RefuseArrival(new EventTime(-1), now)!.Field.ShouldBe("arrival_time");
        EventCheck.RefuseArrival(new EventTime(long.MinValue), now)!.Field.ShouldBe("arrival_time");
    }

    [Fact]
    public void An_event_may_happen_a_day_after_it_came_and_no_more()
    {
        (StreamPlan stream, Value[] fields) = GoodOf();
        StreamVersion version = stream.Version(0)!;
        var arrival = new EventTime(1_000);
        fields[1] = Value.Of(new EventTime(arrival.Micros + Limits.EventAheadMaxMicros));
        EventCheck.RefuseAhead(version, fields, arrival).ShouldBeNull();
        fields[1] = Value.Of(new EventTime(arrival.Micros + Limits.EventAheadMaxMicros + 1));
        EventCheck.RefuseAhead(version, fields, arrival)!.Field.ShouldBe("at");
    }

    [Fact]
    public void A_delete_needs_its_id_and_nothing_else()
    {
        (StreamPlan stream, Value[] fields) = GoodOf();
        StreamVersion version = stream.Version(0)!;
        fields.AsSpan(1).Clear();
        EventCheck.RefuseDelete(version, fields).ShouldBeNull();
        fields[0] = Value.Null;
        EventCheck.RefuseDelete(version, fields)!.Field.ShouldBe("id");
    }

    private static EventRefusal? Refuse(Action<Value[]> spoil)
    {
        (StreamPlan stream, Value[] fields) = GoodOf();
        spoil(fields);
        return EventCheck.Refuse(stream, stream.Version(0)!, fields);
    }

    private static (StreamPlan Stream, Value[] Fields) GoodOf()
    {
        var stream = new StreamDefinition("s", 1, "id", "at",
            [new("id", FieldType.Int64), new("at", FieldType.Timestamp), new("customer_id", FieldType.String), new("amount", FieldType.Double), new("note", FieldType.String), new("seen", FieldType.Timestamp)]);
        var view = new FeatureViewDefinition("v", 1, "customer", "s", null, [new FeatureDefinition("count", "count", Duration.Days(1), Duration.Zero, null, Value.Null)]);
        Catalog catalog = Catalog.Compile(new DefinitionSet([stream], [new EntityDefinition("customer", ["customer_id"])], [view], []), out _)!;
        return (catalog.Stream("s")!, [Value.Of(1L), Value.Of(new EventTime(5)), Value.Of("ann"), Value.Of(1.5), Value.Null, Value.Of(new EventTime(-1))]);
    }
}
