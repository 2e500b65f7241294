/* Files of src/service/files/, built into the program (cmake/service.cmake). */
#ifndef SERVICE_FILES_H
#define SERVICE_FILES_H

extern const char jm_service_openapi_json[];
extern const char jm_service_page_html[];

#endif
