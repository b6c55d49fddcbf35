using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Amendments;

/// <summary>
/// What of a vector is not as it was said to be. Three things are no difference:
/// <list type="bullet">
/// <item>Doubles that differ by rounding, because chunks that begin elsewhere add up in another order.</item>
/// <item>Null because the entity was unknown (NOT_FOUND), and null because there is nothing in the window: any event makes an entity known, also one after the instant.</item>
/// <item>Values that live state has forgotten meanwhile (OUTSIDE_RETENTION), or remembers in steps (APPROXIMATE): the log has to be asked for those. A value that was served so never claimed to be right, and is not watched.</item>
/// </list>
/// </summary>
internal static class VectorDifference
{
    /// <summary>The features that have changed; <paramref name="isForgotten"/> where some cannot be compared.</summary>
    public static List<AmendedFeature> Of(AnswerLayout layout, Prediction prediction, FeatureRows now, out bool isForgotten)
    {
        isForgotten = false;
        var changed = new List<AmendedFeature>();
        for (int column = 0; column < layout.Columns.Length; column++)
        {
            FeatureCell was = CellOf(prediction.Said, layout.Columns[column], column);
            FeatureCell current = CellOf(now, layout.Columns[column], column);
            if (IsVague(was))
            {
                continue;
            }

            if (IsVague(current))
            {
                isForgotten = true;
            }
            else if (!AreAlike(was, current) && !(was.Status == FeatureStatus.NotFound && current.Status == FeatureStatus.NullValue))
            {
                changed.Add(new AmendedFeature { Name = layout.Columns[column].Name, Served = CellOf(prediction.Answer.Rows, layout.Columns[column], column), Was = was, Is = current });
            }
        }

        return changed;
    }

    /// <summary>One cell of a vector of one row.</summary>
    private static FeatureCell CellOf(FeatureRows row, FeatureColumn column, int index)
    {
        var cell = new FeatureCell { Status = row.Statuses.IsEmpty ? FeatureStatus.Present : (FeatureStatus)row.Statuses[index] };
        int place = (int)column.LaneIndex;
        if (cell.Status is not (FeatureStatus.Present or FeatureStatus.Approximate))
        {
            return cell;
        }

        switch (column.Lane)
        {
            case Lane.List:
                cell.List = row.Lists[place];
                break;
            case Lane.Map:
                cell.Map = row.Maps[place];
                break;
            case Lane.Double:
                cell.Scalar = new Value { Double = row.Doubles[place] };
                break;
            case Lane.String:
                cell.Scalar = new Value { String = row.Strings[place] };
                break;
            default:
                cell.Scalar = ScalarOf(column.Type, row.Int64S[place]);
                break;
        }

        return cell;
    }

    private static Value ScalarOf(FieldType type, long bits) => type switch
    {
        FieldType.Bool => new Value { Bool = bits != 0 },
        FieldType.Timestamp => new Value { TimestampMicros = bits },
        _ => new Value { Int64 = bits },
    };

    private static bool IsVague(FeatureCell cell) => cell.Status is FeatureStatus.OutsideRetention or FeatureStatus.Approximate;

    private static bool AreAlike(FeatureCell left, FeatureCell right) =>
        left.Status == right.Status && AreAlike(left.Scalar, right.Scalar)
        && AreAlike(left.List?.Values, right.List?.Values) && AreAlike(left.Map?.Keys, right.Map?.Keys) && AreAlike(left.Map?.Values, right.Map?.Values);

    private static bool AreAlike(IList<Value>? left, IList<Value>? right) =>
        left is null || right is null ? left == right : left.Count == right.Count && left.Zip(right).All(pair => AreAlike(pair.First, pair.Second));

    private static bool AreAlike(Value? left, Value? right) =>
        Equals(left, right)
        || (left?.KindCase == Value.KindOneofCase.Double && right?.KindCase == Value.KindOneofCase.Double
            && Math.Abs(left.Double - right.Double) <= Entities.Limits.ReconcileRelativeError * Math.Max(1, Math.Max(Math.Abs(left.Double), Math.Abs(right.Double))));
}
