using System.Globalization;
using System.Text.Json.Nodes;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.V1;
using Spectre.Console;

namespace OrleansFeatures.Server.Output;

/// <summary>Amendments as a table, as lines, and as JSON.</summary>
internal static class AmendmentOutput
{
    /// <summary>A row for each feature that has changed; what they have in common stands in the first.</summary>
    public static Table TableOf(IEnumerable<Amendment> amendments)
    {
        Table table = Terminal.NewTable("number", "prediction", "keys", "as of", "feature", "was", "is", "because of");
        foreach (Amendment amendment in amendments)
        {
            string[] head = [amendment.Sequence.ToString(CultureInfo.InvariantCulture), amendment.PredictionId, KeysOf(amendment), TimeOf(amendment.AsOfMicros)];
            string cause = CauseOf(amendment.Cause);
            foreach (AmendedFeature feature in amendment.Features)
            {
                table.AddRow([.. head.Append(feature.Name).Append(TextOf(feature.Was)).Append(TextOf(feature.Is)).Append(cause).Select(text => Terminal.Cell(text))]);
                (head, cause) = (["", "", "", ""], "");
            }
        }

        return table;
    }

    /// <summary>As in <c>12  order-77 (customer_id=596, as of 2018-04-01T10:00:00Z)  customer_spend:nb_tx_1d  3 -> 4</c>.</summary>
    public static IEnumerable<string> LinesOf(Amendment amendment) => amendment.Features.Select(feature => string.Create(
        CultureInfo.InvariantCulture, $"{amendment.Sequence}  {amendment.PredictionId} ({KeysOf(amendment)}, as of {TimeOf(amendment.AsOfMicros)})  {feature.Name}  {TextOf(feature.Was)} -> {TextOf(feature.Is)}  {CauseOf(amendment.Cause)}").TrimEnd());

    public static JsonObject JsonOf(Amendment amendment)
    {
        var keys = new JsonObject();
        foreach (KeyColumn key in amendment.Keys)
        {
            keys[key.Field] = key.Int64S.Count > 0 ? key.Int64S[0] : key.Strings[0];
        }

        return new JsonObject
        {
            ["sequence"] = amendment.Sequence,
            ["prediction_id"] = amendment.PredictionId,
            ["selection"] = amendment.Selection,
            ["keys"] = keys,
            ["as_of"] = TimeOf(amendment.AsOfMicros),
            ["served_at"] = TimeOf(amendment.ServedAtMicros),
            ["amended_at"] = TimeOf(amendment.AmendedAtMicros),
            ["features"] = new JsonArray([.. amendment.Features.Select(feature => new JsonObject
            {
                ["name"] = feature.Name,
                ["served"] = JsonOf(feature.Served),
                ["was"] = JsonOf(feature.Was),
                ["is"] = JsonOf(feature.Is),
            })]),
            ["cause"] = amendment.Cause is not { } cause ? null : new JsonObject
            {
                ["entity"] = cause.Entity,
                ["stream"] = cause.Stream,
                ["operation"] = cause.Operation.ToString().ToLowerInvariant(),
                ["event_time"] = TimeOf(cause.EventTimeMicros),
                ["arrived"] = TimeOf(cause.ArrivalTimeMicros),
                ["sequence"] = cause.Sequence,
            },
        };
    }

    private static JsonObject JsonOf(FeatureCell cell) => new() { ["status"] = StatusOf(cell.Status), ["value"] = FeatureCells.Json(cell) };

    private static string TextOf(FeatureCell cell) => cell.Status is FeatureStatus.Present or FeatureStatus.Approximate ? FeatureCells.Text(FeatureCells.Json(cell)) : StatusOf(cell.Status);

    private static string KeysOf(Amendment amendment) => string.Join(", ", amendment.Keys.Select(key => $"{key.Field}={(key.Int64S.Count > 0 ? key.Int64S[0].ToString(CultureInfo.InvariantCulture) : key.Strings[0])}"));

    private static string CauseOf(AmendmentCause? cause) =>
        cause is null ? "" : $"{cause.Operation.ToString().ToLowerInvariant()} of {TimeOf(cause.EventTimeMicros)} on {cause.Stream}";

    private static string TimeOf(long micros) => new EventTime(micros).ToString();

    /// <summary>As the contract spells it: NULL_VALUE, not NullValue.</summary>
    private static string StatusOf(FeatureStatus status) => string.Concat(status.ToString().Select((letter, index) => index > 0 && char.IsUpper(letter) ? $"_{letter}" : $"{char.ToUpperInvariant(letter)}"));
}
