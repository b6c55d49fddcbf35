using Feast.Serving;
using Feast.Types;
using Google.Protobuf.WellKnownTypes;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.V1;
using FeatureList = Feast.Serving.FeatureList;
using FeatureStatus = OrleansFeatures.Domain.State.FeatureStatus;
using Selection = OrleansFeatures.Domain.Definitions.Selection;
using Value = Feast.Types.Value;

namespace OrleansFeatures.Gateway.Feast;

/// <summary>
/// Feast's question, answered by our own read as of now: the join keys that were given come back first, then one vector per feature.
/// <code>
///   metadata.feature_names   customer_id   nb_tx_1d   avg_amount_1d
///   results                  [596, 597]    [3, 0]     [57.16, -]       each with statuses and event timestamps by row
/// </code>
/// Any thread.
/// </summary>
public sealed class OnlineFeatures(FeatureReads reads)
{
    /// <summary>What join keys, on-demand features, and entities never seen have for an event's time. Shared: nobody may change it.</summary>
    private static readonly Timestamp NoTime = new();

    /// <exception cref="RequestRefusedException">The request contradicts the definitions, or names what does not exist.</exception>
    public async Task<GetOnlineFeaturesResponse> AnswerAsync(GetOnlineFeaturesRequest asked, CancellationToken cancellationToken)
    {
        FeatureSelection what = FeastReferences.SelectionOf(asked);
        Selection selection = Resolve(reads.Host.Catalog, what);
        var request = new GetFeaturesRequest { What = what };
        request.Keys.AddRange(FeastKeys.Of(selection, asked.Entities));
        request.Context.AddRange(FeastContext.Of(selection, asked));
        FeatureRead read = await reads.GetAsync(catalog => Resolve(catalog, what), request, cancellationToken).ConfigureAwait(false);

        // The names of what was read: definitions may have changed since the selection was resolved for the keys.
        return Of(read, request, FeastReferences.NamesOf(read.Selection, asked), asked.IncludeFeatureViewVersionMetadata);
    }

    private Selection Resolve(Catalog catalog, FeatureSelection what)
    {
        try
        {
            return reads.Resolve(catalog, what);
        }
        catch (RequestRefusedException refused) when (refused.Refusal.Kind == RefusalKind.NotFound)
        {
            throw FeastErrors.Unknown(catalog, what.Features?.Names ?? [], refused.Refusal);
        }
    }

    private static GetOnlineFeaturesResponse Of(FeatureRead read, GetFeaturesRequest request, string[] names, bool withVersions)
    {
        var response = new GetOnlineFeaturesResponse { Metadata = new GetOnlineFeaturesResponseMetadata { FeatureNames = new FeatureList() } };
        foreach (KeyColumn key in request.Keys)
        {
            response.Metadata.FeatureNames.Val.Add(key.Field);
            response.Results.Add(VectorOf(key));
        }

        response.Metadata.FeatureNames.Val.AddRange(names);
        AddVectors(response, read);
        if (withVersions)
        {
            response.Metadata.FeatureViewMetadata.AddRange(read.Selection.Columns
                .Where(column => column.Feature >= 0)
                .Select(column => read.Selection.Features[column.Feature])
                .Select(feature => (feature.View, feature.ViewVersion))
                .Distinct()
                .Select(view => new FeatureViewMetadata { Name = view.View, Version = view.ViewVersion }));
        }

        return response;
    }

    private static GetOnlineFeaturesResponse.Types.FeatureVector VectorOf(KeyColumn key)
    {
        var vector = new GetOnlineFeaturesResponse.Types.FeatureVector();
        vector.Values.Add(key.Int64S.Select(number => new Value { Int64Val = number }));
        vector.Values.Add(key.Strings.Select(text => new Value { StringVal = text }));
        vector.Statuses.Add(Enumerable.Repeat(FieldStatus.Present, vector.Values.Count));
        vector.EventTimestamps.Add(Enumerable.Repeat(NoTime, vector.Values.Count));
        return vector;
    }

    private static void AddVectors(GetOnlineFeaturesResponse response, FeatureRead read)
    {
        AnswerLayout layout = AnswerLayout.Of(read.Selection);
        ReadOnlySpan<FeatureValue> answer = read.Answer(0, read.Rows);
        Timestamp[] times = [.. read.Stamps.Select(TimeOf)];
        int[] entityOf = EntityOfFeature(read.Selection);
        int width = layout.Columns.Length;
        for (int column = 0; column < width; column++)
        {
            int feature = read.Selection.Columns[column].Feature;
            var vector = new GetOnlineFeaturesResponse.Types.FeatureVector();
            for (int row = 0; row < read.Rows; row++)
            {
                ref readonly FeatureValue value = ref answer[(row * width) + column];
                vector.Values.Add(FeastValues.Of(value, layout.Columns[column]));
                vector.Statuses.Add(StatusOf(value.Status));
                vector.EventTimestamps.Add(feature < 0 ? NoTime : times[(row * read.Selection.Entities.Length) + entityOf[feature]]);
            }

            response.Results.Add(vector);
        }
    }

    /// <summary>Feast has no word for a blurred value, which is one all the same, nor for one that memory no longer reaches, which is none.</summary>
    private static FieldStatus StatusOf(FeatureStatus status) => status switch
    {
        FeatureStatus.Present or FeatureStatus.Approximate => FieldStatus.Present,
        FeatureStatus.NullValue => FieldStatus.NullValue,
        FeatureStatus.NotFound => FieldStatus.NotFound,
        FeatureStatus.OutsideMaxAge or FeatureStatus.OutsideRetention => FieldStatus.OutsideMaxAge,
        _ => FieldStatus.Invalid,
    };

    private static int[] EntityOfFeature(Selection selection)
    {
        var entityOf = new int[selection.Features.Length];
        for (int entity = 0; entity < selection.Entities.Length; entity++)
        {
            foreach (int feature in selection.Entities[entity].Positions)
            {
                entityOf[feature] = entity;
            }
        }

        return entityOf;
    }

    private static Timestamp TimeOf(EntityStamp stamp) => stamp.StateVersion == 0
        ? NoTime
        : Timestamp.FromDateTimeOffset(DateTimeOffset.UnixEpoch.AddTicks(stamp.LastEventTimeMicros * TimeSpan.TicksPerMicrosecond));
}
