// MPI's names that Swift cannot import, whichever MPI the header is of; no logic lives here.
//
// A handle is a pointer in Open MPI and an int in MPICH and its descendants. Swift code serves both: it passes handles on, and
// where MPI writes one it gives it a `cmpi_…_slot`, whose member has the type that this MPI's functions take.
#ifndef LOCKSTEP_MPI_SHIM_H
#define LOCKSTEP_MPI_SHIM_H
#include <mpi.h>

typedef struct { MPI_Comm handle; } cmpi_comm_slot;
typedef struct { MPI_Group handle; } cmpi_group_slot;
typedef struct { MPI_Errhandler handle; } cmpi_errhandler_slot;
typedef struct { MPI_Datatype handle; } cmpi_datatype_slot;
typedef struct { MPI_Op handle; } cmpi_op_slot;
typedef struct { MPI_Request handle; } cmpi_request_slot;
typedef struct { MPI_Message handle; } cmpi_message_slot;
typedef struct { MPI_Win handle; } cmpi_win_slot;

/// MPI_User_function: (in, in and out, number of elements, datatype).
typedef void (*cmpi_user_function)(void *, void *, int *, MPI_Datatype *);

static inline MPI_Comm cmpi_comm_world(void) { return MPI_COMM_WORLD; }
static inline MPI_Comm cmpi_comm_null(void) { return MPI_COMM_NULL; }
static inline MPI_Info cmpi_info_null(void) { return MPI_INFO_NULL; }
static inline MPI_Status *cmpi_status_ignore(void) { return MPI_STATUS_IGNORE; }
static inline MPI_Errhandler cmpi_errors_return(void) { return MPI_ERRORS_RETURN; }
static inline const void *cmpi_in_place(void) { return MPI_IN_PLACE; }
static inline void *cmpi_in_place_mutable(void) { return MPI_IN_PLACE; }

static inline MPI_Datatype cmpi_byte(void) { return MPI_BYTE; }
static inline MPI_Datatype cmpi_float(void) { return MPI_FLOAT; }
static inline MPI_Datatype cmpi_double(void) { return MPI_DOUBLE; }
static inline MPI_Datatype cmpi_int32(void) { return MPI_INT32_T; }
static inline MPI_Datatype cmpi_int64(void) { return MPI_INT64_T; }
static inline MPI_Datatype cmpi_uint8(void) { return MPI_UINT8_T; }
static inline MPI_Datatype cmpi_uint64(void) { return MPI_UINT64_T; }
static inline MPI_Datatype cmpi_double_int(void) { return MPI_DOUBLE_INT; }

static inline MPI_Op cmpi_sum(void) { return MPI_SUM; }
static inline MPI_Op cmpi_min(void) { return MPI_MIN; }
static inline MPI_Op cmpi_max(void) { return MPI_MAX; }
static inline MPI_Op cmpi_maxloc(void) { return MPI_MAXLOC; }
#endif
