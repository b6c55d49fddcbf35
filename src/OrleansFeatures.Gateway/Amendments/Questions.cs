using Google.Protobuf.Collections;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Amendments;

/// <summary>Requests of many rows as requests of one, and back: a prediction is kept as the one row that it is, and asked again together with others.</summary>
internal static class Questions
{
    /// <summary>One row of a request, as it was asked; <c>what</c> is left to the caller.</summary>
    public static GetFeaturesRequest RowOf(GetFeaturesRequest request, int row)
    {
        var question = new GetFeaturesRequest { AsOfStreamTime = request.AsOfStreamTime };
        question.Keys.AddRange(request.Keys.Select(column => RowOf(column, row)));
        question.Context.AddRange(request.Context.Select(column => new ContextColumn { Field = column.Field, Values = RowOf(column.Values ?? new Column(), row) }));
        if (request.AsOfMicros.Count > 0)
        {
            question.AsOfMicros.Add(request.AsOfMicros[request.AsOfMicros.Count == 1 ? 0 : row]);
        }

        return question;
    }

    /// <summary>The predictions as one read, row by row; all must be <see cref="AreAlike"/>.</summary>
    public static GetFeaturesRequest Together(IReadOnlyList<Prediction> predictions)
    {
        GetFeaturesRequest first = predictions[0].Question;
        var request = new GetFeaturesRequest { What = first.What, Partial = true };
        for (int index = 0; index < first.Keys.Count; index++)
        {
            var keys = new KeyColumn { Field = first.Keys[index].Field };
            keys.Strings.AddRange(predictions.SelectMany(prediction => prediction.Question.Keys[index].Strings));
            keys.Int64S.AddRange(predictions.SelectMany(prediction => prediction.Question.Keys[index].Int64S));
            request.Keys.Add(keys);
        }

        for (int index = 0; index < first.Context.Count; index++)
        {
            var values = new Column();
            foreach (Prediction prediction in predictions)
            {
                values.MergeFrom(prediction.Question.Context[index].Values);
            }

            request.Context.Add(new ContextColumn { Field = first.Context[index].Field, Values = values });
        }

        request.AsOfMicros.AddRange(predictions.Select(prediction => prediction.AsOf.Micros));
        return request;
    }

    /// <summary>Whether two rows can be asked in one request: the same selection, by the same columns. Rows with a null in their context stand alone, because nulls are bits.</summary>
    public static bool AreAlike(GetFeaturesRequest left, GetFeaturesRequest right) =>
        left.What.Equals(right.What)
        && left.Keys.Count == right.Keys.Count
        && left.Keys.Zip(right.Keys).All(pair => pair.First.Field == pair.Second.Field && pair.First.Strings.Count == pair.Second.Strings.Count)
        && left.Context.Count == right.Context.Count
        && left.Context.Zip(right.Context).All(pair => pair.First.Field == pair.Second.Field && KindOf(pair.First.Values) == KindOf(pair.Second.Values) && pair.First.Values.Nulls.IsEmpty && pair.Second.Values.Nulls.IsEmpty);

    private static KeyColumn RowOf(KeyColumn column, int row)
    {
        var one = new KeyColumn { Field = column.Field };
        Take(column.Strings, one.Strings, row);
        Take(column.Int64S, one.Int64S, row);
        return one;
    }

    private static Column RowOf(Column column, int row)
    {
        var one = new Column();
        Take(column.Int64S, one.Int64S, row);
        Take(column.Doubles, one.Doubles, row);
        Take(column.Strings, one.Strings, row);
        Take(column.Bools, one.Bools, row);
        Take(column.TimestampsMicros, one.TimestampsMicros, row);
        int entries = column.Int64S.Count + column.Doubles.Count + column.Strings.Count + column.Bools.Count + column.TimestampsMicros.Count;
        int place = entries == 1 ? 0 : row;
        if (place / 8 < column.Nulls.Length && (column.Nulls[place / 8] & (1 << (place % 8))) != 0)
        {
            one.Nulls = Google.Protobuf.ByteString.CopyFrom(1);
        }

        return one;
    }

    /// <summary>One entry stands for all rows.</summary>
    private static void Take<T>(RepeatedField<T> from, RepeatedField<T> to, int row)
    {
        if (from.Count > 0)
        {
            to.Add(from[from.Count == 1 ? 0 : row]);
        }
    }

    private static int KindOf(Column column) =>
        column.Int64S.Count > 0 ? 1 : column.Doubles.Count > 0 ? 2 : column.Strings.Count > 0 ? 3 : column.Bools.Count > 0 ? 4 : column.TimestampsMicros.Count > 0 ? 5 : 0;
}
