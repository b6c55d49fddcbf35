using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.Log;
using OrleansFeatures.V1;
using FieldType = OrleansFeatures.Domain.Events.FieldType;
using Selection = OrleansFeatures.Domain.Definitions.Selection;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Gateway.Subscribe;

/// <summary>What a subscriber is sent. On the wire a place is the number of records that lie before it, so that the beginning of the log is a place too: sequence 41 has been looked at, the place is 42.</summary>
internal sealed class SubscriptionMessages(Selection selection, IEntityHost host, bool compact)
{
    private readonly KeyPlace[] _keys = [.. selection.KeyFields.Select(field => KeyPlace.Of(selection, field))];

    public static ulong PlaceOf(LogSequence through) => (ulong)(through.Value + 1);

    public static LogSequence ThroughOf(ulong place) => new((long)place - 1);

    public SubscribeResponse Head(LogSequence through)
    {
        SubscribeResponse head = Beat(through);
        if (!compact)
        {
            head.Columns.AddRange(AnswerLayout.Of(selection).Columns);
        }

        return head;
    }

    public static SubscribeResponse Beat(LogSequence through) => new() { Through = PlaceOf(through) };

    /// <summary>So many rows of a read, or the first half of them, and so on, until they fit into a message that every client takes.</summary>
    public SubscribeResponse Rows(FeatureRead read, int first, int count, LogSequence through, out int taken)
    {
        FeatureRows rows = FeatureAnswer.Rows(read, first, count);
        for (taken = count; taken > 1 && rows.CalculateSize() > Limits.TrainingMessageBytesMax; rows = FeatureAnswer.Rows(read, first, taken))
        {
            taken /= 2;
        }

        var message = new SubscribeResponse { Rows = rows, Through = PlaceOf(through) };
        foreach (KeyPlace place in _keys)
        {
            message.Keys.Add(place.ColumnOf(read, first, taken));
        }

        message.AsOfMicros.AddRange(read.AsOf.AsSpan(first, taken).ToArray().Select(asOf => asOf.Micros));
        if (!compact)
        {
            FeatureAnswer.AddStates(message.States, read, first, taken, host);
        }

        return message;
    }

    /// <summary>Where the value of a key field stands in the keys of a row: in which entity's, and at what position.</summary>
    private sealed record KeyPlace(FieldDefinition Field, int Entity, int Position)
    {
        public static KeyPlace Of(Selection selection, FieldDefinition field)
        {
            int entity = selection.Entities.Select((read, index) => (read, index)).First(each => PositionIn(each.read.Entity, field) >= 0).index;
            return new KeyPlace(field, entity, PositionIn(selection.Entities[entity].Entity, field));
        }

        public KeyColumn ColumnOf(FeatureRead read, int first, int count)
        {
            var column = new KeyColumn { Field = Field.Name };
            for (int row = first; row < first + count; row++)
            {
                Value value = EntityKeyEncoding.Read(read.KeyOf(row, Entity))[Position];
                if (Field.Type == FieldType.Int64)
                {
                    column.Int64S.Add(value.Int64);
                }
                else
                {
                    column.Strings.Add(value.Text);
                }
            }

            return column;
        }

        private static int PositionIn(EntityPlan entity, FieldDefinition field) => entity.Key.Select(key => key.Name).ToList().IndexOf(field.Name);
    }
}
