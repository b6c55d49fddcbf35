using Grpc.Core;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Gateway.Amendments;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.V1;
using Wire = OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;

namespace OrleansFeatures.Gateway.Admin;

/// <summary>What operators ask, over gRPC.</summary>
public sealed class AdminService(IEntityHost host, Quarantine quarantine, LateOutput late, Reconciling reconciling, Replaying replaying, KeptAmendments amendments) : V1.AdminService.AdminServiceBase
{
    public override Task<GetStatusResponse> GetStatus(GetStatusRequest request, ServerCallContext context)
    {
        HostStatus status = host.Status();
        var response = new GetStatusResponse { LogBytes = (ulong)status.LogBytes, Memory = MemoryOf(status.Memory), Checkpoint = CheckpointOf(status, status.Checkpoints), Predictions = amendments.Status() };
        response.Losses.AddRange(status.Losses);

        // A partition's offsets count from zero; the wire's numbers are how many records, so one more.
        response.Partitions.AddRange(status.Partitions.Select(partition => new PartitionStatus
        {
            Partition = (uint)partition.Partition,
            DurableOffset = (ulong)(partition.DurableOffset + 1),
            AppliedOffset = (ulong)(partition.AppliedOffset + 1),
            Entities = (ulong)partition.Entities,
            Events = (ulong)partition.Events,
            MemoryBytes = (ulong)partition.MemoryBytes,
            Awake = (ulong)partition.Awake,
        }));
        response.Streams.AddRange(status.Streams.Select(stream => new StreamStatus
        {
            Stream = stream.Stream,
            StreamTimeMicros = stream.StreamTimeMicros,
            Accepted = (ulong)stream.Accepted,
            Duplicates = (ulong)stream.Duplicates,
            Late = (ulong)stream.Late,
            Quarantined = (ulong)quarantine.Count(stream.Stream),
            LateKept = (ulong)late.Count(stream.Stream),
        }));
        return Task.FromResult(response);
    }

    public override Task<ListQuarantineResponse> ListQuarantine(ListQuarantineRequest request, ServerCallContext context)
    {
        int limit = LimitOf(request.Limit);
        string? stream = request.Stream.Length == 0 ? null : request.Stream;
        var response = new ListQuarantineResponse { Total = (ulong)quarantine.Count(stream) };
        response.Events.AddRange(quarantine.List(stream, limit).Select(refused => new QuarantinedEvent
        {
            Id = (ulong)refused.Id,
            Stream = refused.Stream,
            ArrivedMicros = refused.ArrivalMicros,
            Field = refused.Field,
            Reason = refused.Reason,
            Fix = refused.Fix,
            EventJson = refused.Json,
        }));
        return Task.FromResult(response);
    }

    public override Task<ListLateResponse> ListLate(ListLateRequest request, ServerCallContext context)
    {
        int limit = LimitOf(request.Limit);
        string? stream = request.Stream.Length == 0 ? null : request.Stream;
        var response = new ListLateResponse { Total = (ulong)late.Count(stream) };
        foreach (LateArrival arrival in late.List(stream, limit))
        {
            var listed = new LateEvent
            {
                Id = (ulong)arrival.Id,
                Stream = arrival.Stream,
                ArrivedMicros = arrival.ArrivalMicros,
                EventTimeMicros = arrival.EventTimeMicros,
                StreamTimeMicros = arrival.StreamTimeMicros,
                EventJson = arrival.Json,
            };
            listed.Views.AddRange(arrival.Views.Select(view => new LateView { View = view.View, AllowedLatenessMicros = view.AllowedMicros }));
            response.Events.Add(listed);
        }

        return Task.FromResult(response);
    }

    public override async Task<GetEntityResponse> GetEntity(GetEntityRequest request, ServerCallContext context)
    {
        Selection selection = host.Catalog.AllOf(request.Entity) ?? throw Reconciling.UnknownEntity(host.Catalog, request.Entity);
        if (request.Key.Count != selection.KeyFields.Length)
        {
            throw Refuse.Argument("key", $"{request.Key.Count} values for the key of {request.Entity}", $"give one text for each of {string.Join(", ", selection.KeyFields.Select(field => field.Name))}");
        }

        var keys = new RowKeys(selection, selection.KeyFields.Select((field, index) => new KeyColumn { Field = field.Name, Strings = { request.Key[index] } }));
        var encoded = new ReadOnlyMemory<byte>[1];
        keys.Encode(encoded, firstRow: 0);
        EntityPlan entity = selection.Entities[0].Entity;
        EntityMemory? memory = await host.MemoryOfAsync(entity, encoded[0], context.CancellationToken).ConfigureAwait(false);
        return EntityOf(memory, host.Partitions.Of(entity, encoded[0].Span).Value, host.Status().Memory.EntityBudgetBytes);
    }

    public override Task Reconcile(ReconcileRequest request, IServerStreamWriter<ReconcileResponse> responseStream, ServerCallContext context) =>
        reconciling.AnswerAsync(request, responseStream, context.CancellationToken);

    public override async Task<Wire.CheckpointStatus> Checkpoint(CheckpointRequest request, ServerCallContext context) =>
        CheckpointOf(host.Status(), await host.CheckpointAsync(context.CancellationToken).ConfigureAwait(false));

    public override Task Replay(ReplayRequest request, IServerStreamWriter<ReplayResponse> responseStream, ServerCallContext context) =>
        replaying.AnswerAsync(request, responseStream, context.CancellationToken);

    private static Wire.CheckpointStatus CheckpointOf(HostStatus status, Entities.Checkpoints.CheckpointStatus checkpoint) => new()
    {
        Number = (ulong)checkpoint.Number,
        WrittenMicros = checkpoint.WrittenMicros,
        ThroughSequence = checkpoint.Through,
        LogRecordsBehind = (ulong)Math.Max(0, status.DurableSequence - Math.Max(checkpoint.Through, status.FirstSequence - 1)),
        Entities = (ulong)checkpoint.Entities,
        Bytes = (ulong)checkpoint.Bytes,
        TookMicros = (ulong)checkpoint.Took.TotalMicroseconds,
        StateBytes = (ulong)checkpoint.StateBytes,
        Failures = (ulong)checkpoint.Failures,
        LastFailure = checkpoint.LastFailure ?? "",
    };

    private static GetEntityResponse EntityOf(EntityMemory? memory, int partition, long budgetBytes)
    {
        if (memory is not { } parts)
        {
            return new GetEntityResponse { Partition = (uint)partition, BudgetBytes = Bound(budgetBytes), ExactSinceMicros = long.MinValue };
        }

        return new GetEntityResponse
        {
            Found = true,
            Partition = (uint)partition,
            Events = (ulong)parts.Events,
            SummedEvents = (ulong)parts.SummedEvents,
            RowBytes = (ulong)parts.RowBytes,
            TextBytes = (ulong)parts.TextBytes,
            SummaryBytes = (ulong)parts.SummaryBytes,
            DirectoryBytes = (ulong)parts.DirectoryBytes,
            OverheadBytes = Entities.Limits.EntityOverheadBytes,
            TotalBytes = (ulong)parts.TotalBytes + Entities.Limits.EntityOverheadBytes,
            BudgetBytes = Bound(budgetBytes),
            ExactSinceMicros = parts.FloorMicros,
        };
    }

    private static MemoryStatus MemoryOf(MemoryState memory) => new()
    {
        BudgetBytes = Bound(memory.BudgetBytes),
        EntityBudgetBytes = Bound(memory.EntityBudgetBytes),
        RowBytes = (ulong)memory.Use.RowBytes,
        TextBytes = (ulong)memory.Use.TextBytes,
        SummaryBytes = (ulong)memory.Use.SummaryBytes,
        FreeBytes = (ulong)memory.Use.FreeBytes,
        EntityOverheadBytes = (ulong)memory.Use.OverheadBytes,
        Compactions = (ulong)memory.Use.Compactions,
        BrokenPromises = (ulong)memory.Use.BrokenPromises,
        HeapBytes = (ulong)GC.GetGCMemoryInfo(GCKind.Any).HeapSizeBytes,
    };

    /// <summary>On the wire no bound is zero.</summary>
    private static ulong Bound(long bytes) => bytes >= long.MaxValue / 2 ? 0 : (ulong)bytes;

    private static int LimitOf(uint asked) => asked switch
    {
        0 => Limits.QuarantineListDefault,
        <= Limits.QuarantineListMax => (int)asked,
        _ => throw Refuse.Argument("limit", $"{asked} is too many", $"ask for at most {Limits.QuarantineListMax}"),
    };
}
