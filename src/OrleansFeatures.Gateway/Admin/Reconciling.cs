using Google.Protobuf.Collections;
using Grpc.Core;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Operations;
using OrleansFeatures.Gateway.Rest;
using Wire = OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Admin;

/// <summary>Recomputes entities for an operator, who hears how far it is and at the end what differs.</summary>
public sealed class Reconciling(IEntityHost host, ServerLife life)
{
    public async Task AnswerAsync(Wire.ReconcileRequest request, IServerStreamWriter<Wire.ReconcileResponse> responses, CancellationToken cancellationToken)
    {
        ReconcileScope scope = ScopeOf(request);
        var last = new Wire.ReconcileResponse();
        ReconcileReport report = await ProgressStream.RunAsync<Wire.ReconcileResponse, ReconcileReport>(
            (tell, either) => host.ReconcileAsync(scope, progress => tell(last = ProgressOf(progress)), either), responses, life, cancellationToken).ConfigureAwait(false);
        await responses.WriteAsync(ReportOf(report, last), cancellationToken).ConfigureAwait(false);
    }

    internal static RequestRefusedException UnknownEntity(Catalog catalog, string name) =>
        Refuse.Unknown("entity", $"there is no entity '{name}'", NameSuggestion.DidYouMean(name, catalog.Entities.Select(known => known.Name)));

    private ReconcileScope ScopeOf(Wire.ReconcileRequest request)
    {
        Catalog catalog = host.Catalog;
        EntityPlan? only = request.Entity.Length == 0 ? null : catalog.Entity(request.Entity) ?? throw UnknownEntity(catalog, request.Entity);
        return request.Sample <= Entities.Limits.ReconcileSampleMax
            ? new ReconcileScope(only, request.Sample == 0 ? null : (int)request.Sample, request.Seed)
            : throw Refuse.Argument("sample", $"a sample of {request.Sample}", $"ask for at most {Entities.Limits.ReconcileSampleMax}, or leave it out for every entity");
    }

    private static Wire.ReconcileResponse ProgressOf(in ReconcileProgress progress) => new()
    {
        LogRecordsRead = (ulong)progress.RecordsRead,
        LogRecordsTotal = (ulong)progress.RecordsTotal,
        Counts = CountsOf(progress.Counts),
    };

    private static Wire.ReconcileResponse ReportOf(ReconcileReport report, Wire.ReconcileResponse last)
    {
        var response = new Wire.ReconcileResponse { Complete = true, Counts = CountsOf(report.Counts), LogRecordsRead = last.LogRecordsTotal, LogRecordsTotal = last.LogRecordsTotal };
        foreach (FeatureDifference difference in report.Differences)
        {
            var wire = new Wire.FeatureDifference
            {
                Entity = difference.Entity.Name,
                Feature = difference.Feature.Reference,
                AsOfMicros = difference.AsOf.Micros,
                LiveJson = FeatureJson.TextOf(difference.Live, difference.Feature),
                LiveStatus = (Wire.FeatureStatus)difference.Live.Status,
                RecomputedJson = FeatureJson.TextOf(difference.Recomputed, difference.Feature),
                RecomputedStatus = (Wire.FeatureStatus)difference.Recomputed.Status,
                StateVersion = (ulong)difference.StateVersion,
                Partition = (uint)difference.Partition.Value,
                Events = (ulong)difference.Events,
            };
            AddKey(wire.Key, difference.Key);
            response.Differences.Add(wire);
        }

        foreach (UnreadableEntity unreadable in report.Unreadable)
        {
            var wire = new Wire.UnreadableEntity { Entity = unreadable.Entity.Name, Reason = unreadable.Reason };
            AddKey(wire.Key, unreadable.Key);
            response.Unreadable.Add(wire);
        }

        return response;
    }

    private static Wire.ReconcileCounts CountsOf(in ReconcileCounts counts) => new()
    {
        Entities = (ulong)counts.Entities,
        Values = (ulong)counts.Values,
        Rounded = (ulong)counts.Rounded,
        Approximate = (ulong)counts.Approximate,
        OutsideRetention = (ulong)counts.OutsideRetention,
        Differences = (ulong)counts.Differences,
        Unreadable = (ulong)counts.Unreadable,
    };

    private static void AddKey(RepeatedField<string> fields, ReadOnlyMemory<byte> key) => fields.AddRange(EntityKeyEncoding.Read(key.Span).Select(field => field.ToString()));
}
