/* The files of src/page/files, as CMake embeds them (cmake/page.cmake). */
#ifndef PAGE_FILES_H
#define PAGE_FILES_H

extern const char jm_page_page_html[], jm_page_page_css[];
extern const char jm_page_format_js[], jm_page_time_js[], jm_page_charts_js[], jm_page_compare_js[], jm_page_hotspots_js[],
    jm_page_page_js[];

#endif
