using System.Text.Json.Nodes;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Watch;

/// <summary>Rows as JSON, each a line of its own, for whoever reads them with a program.</summary>
internal static class WatchLines
{
    public static IEnumerable<string> Of(FeatureCells cells, SubscribeResponse message)
    {
        for (int row = 0; row < message.AsOfMicros.Count; row++)
        {
            var keys = new JsonObject();
            foreach (KeyColumn key in message.Keys)
            {
                keys[key.Field] = key.Int64S.Count > 0 ? key.Int64S[row] : key.Strings[row];
            }

            var features = new JsonObject();
            for (int column = 0; column < cells.Columns.Count; column++)
            {
                features[cells.Columns[column].Name] = new JsonObject { ["value"] = cells.Json(message.Rows, row, column), ["status"] = StatusOf(cells.Status(message.Rows, row, column)) };
            }

            yield return new JsonObject
            {
                ["keys"] = keys,
                ["as_of"] = message.AsOfMicros[row] == 0 ? null : new EventTime(message.AsOfMicros[row]).ToString(),
                ["features"] = features,
                ["through"] = message.Through,
            }.ToJsonString();
        }
    }

    /// <summary>As the contract spells it: NULL_VALUE, not NullValue.</summary>
    private static string StatusOf(FeatureStatus status) => string.Concat(status.ToString().Select((letter, index) => index > 0 && char.IsUpper(letter) ? $"_{letter}" : $"{char.ToUpperInvariant(letter)}"));
}
